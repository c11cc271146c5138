"""A batch of lists in the database: cut into chunks, made by whichever worker is free, read out when all is done."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import chain
from typing import IO, Any

from django.db import connections, router, transaction
from django.utils import timezone

from ..models import Batch, BatchChunk, BatchList, Item, Scenario, Visitor
from ..queueing import send_light
from .batch import CHUNK, lists_of
from .crowd import VisitorList
from .sheets import csv_lines

KEPT_DAYS = 30
"""Batches older than that are dropped by `mtrec.prune`."""

COLUMNS = ("list", "visitor", "user", "position", "source", "object", "score", "candidate_source", "reason", "because")


def start_batch(scenario: str, n: int = 10, *, chunk: int = CHUNK, here: bool = False, **rules: Any) -> Batch:
    """Cut the visitors into chunks and ask workers for them, one light task each.

    With `here` nothing is queued: the caller makes them by `make_batch`. Rules are kept as JSON, so collections are
    given by name.

    Raises:
        DoesNotExist: when there is no such scenario.
    """
    with transaction.atomic(using=router.db_for_write(Batch)):
        batch = Batch.objects.create(scenario=Scenario.objects.get(name=scenario), n=n, rules=rules)
        BatchChunk.objects.bulk_create(
            [
                BatchChunk(batch=batch, first=first, last=last, queued_at=timezone.now() if here else None)
                for first, last in _ranges(chunk)
            ]
        )
        if not here:
            transaction.on_commit(send_chunks, robust=True)
    return batch


def make_batch(batch: Batch) -> Iterator[BatchChunk]:
    """Make what is not made yet, chunk by chunk, beside any workers that do the same."""
    for chunk in batch.waiting:
        if (made := make_chunk(chunk.pk)) is not None:
            yield made


def make_chunk(chunk_id: int) -> BatchChunk | None:
    """Make the lists of a chunk; None when they are made, are being made elsewhere, or are wanted no more.

    All or nothing: a worker that dies leaves the chunk to the next.
    """
    with transaction.atomic(using=router.db_for_write(BatchChunk)):
        free = BatchChunk.objects.select_for_update(skip_locked=True, of=("self",))
        wanted = free.filter(pk=chunk_id, done_at__isnull=True, batch__cancelled_at__isnull=True)
        chunk = wanted.select_related("batch__scenario").first()
        if chunk is None:
            return None
        mark, batch = time.perf_counter(), chunk.batch
        visitors = list(Visitor.objects.filter(pk__range=(chunk.first, chunk.last)).order_by("pk"))
        made = lists_of(visitors, batch.scenario.name, batch.n, stamp=f"batch {batch.pk}", rules=batch.rules)
        BatchList.objects.bulk_create([_row(batch, one) for one in made if one.items], batch_size=1000)
        chunk.lists, chunk.done_at = len(made), timezone.now()
        chunk.seconds = time.perf_counter() - mark
        chunk.save(update_fields=["lists", "done_at", "seconds"])
    return chunk


def drop_batches(*, older_than: timedelta = timedelta(days=KEPT_DAYS)) -> int:
    """Let old batches go with their lists; returns how many."""
    old = Batch.objects.filter(created_at__lt=timezone.now() - older_than)
    count = old.count()
    BatchList.objects.filter(batch__in=old).delete()
    old.delete()
    return count


def write_lists(lists: Iterable[VisitorList], file: IO[str]) -> int:
    """One line an item, as CSV, while they come; returns how many lists."""
    out = csv.writer(file)
    out.writerow(COLUMNS)
    count = 0
    for count, one in enumerate(lists, 1):  # noqa: B007 - counted
        for position, item in enumerate(one.items):
            why = (item.source, item.reason, item.because)
            out.writerow(["", one.visitor, one.user, position, item.label, item.object_id, item.score, *why])
    return count


def batch_csv(batch: Batch) -> Iterator[str]:
    """The same lines of a stored batch; reasons are not kept, the list's id is, by which its links are signed."""
    return csv_lines(chain([COLUMNS], _stored(batch)))


def _stored(batch: Batch) -> Iterator[tuple[object, ...]]:
    rows = batch.lists.select_related("visitor").order_by("visitor")
    for some in _chunked(rows.iterator(CHUNK), CHUNK):
        names = Item.objects.in_bulk({item for row in some for item in row.items})
        for row in some:
            for position, (item, source, score) in enumerate(zip(row.items, row.sources, row.scores, strict=True)):
                if (known := names.get(item)) is not None:
                    who = (row.pk, row.visitor_id, row.visitor.user_id, position)
                    yield (*who, known.source, known.object_id, score, source, "", "")


def _chunked(rows: Iterable[BatchList], size: int) -> Iterator[list[BatchList]]:
    some: list[BatchList] = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some


def _ranges(chunk: int) -> list[tuple[int, int]]:
    """First and last primary key of so many visitors each."""
    with connections[router.db_for_read(Visitor)].cursor() as cursor:
        cursor.execute(
            "select min(id), max(id) from (select id, (row_number() over (order by id) - 1) / %s as number"
            " from mtrec_visitor) as v group by number order by number",
            [chunk],
        )
        return list(cursor.fetchall())


def send_chunks() -> None:
    """Queue every chunk that never was; where the broker is down, `mtrec.catch_up` tries again."""
    unsent = BatchChunk.objects.filter(queued_at=None, done_at=None, batch__cancelled_at=None).order_by("pk")
    for key in unsent.values_list("pk", flat=True):
        if not send_light("mtrec.batch", key):
            return
        BatchChunk.objects.filter(pk=key).update(queued_at=timezone.now())


def _row(batch: Batch, one: VisitorList) -> BatchList:
    return BatchList(
        batch=batch,
        visitor_id=one.visitor,
        version_id=one.version,
        arm=one.arm,
        items=[item.item for item in one.items],
        sources=[item.source for item in one.items],
        scores=[item.score for item in one.items],
    )
