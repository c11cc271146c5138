"""Batches of lists in the admin."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mtrec_django.models import Batch, BatchChunk, BatchList, Item, Scenario, Visitor

LIST = reverse("admin:mtrec_batch_changelist")
PROGRESS = reverse("admin:mtrec_batch_progress")


@pytest.fixture
def batch(home: Scenario) -> Batch:
    """Two parts of three are made."""
    batch = Batch.objects.create(scenario=home, n=2)
    for made in (True, True, False):
        done = {"lists": 40, "seconds": 2.5, "done_at": batch.created_at} if made else {}
        BatchChunk.objects.create(batch=batch, first=1, last=9, **done)
    return batch


def press(boss: Client, batch: Batch) -> str:
    return boss.post(reverse("admin:mtrec_batch_cancel", args=[batch.pk]), follow=True).content.decode()


def page(boss: Client, batch: Batch) -> str:
    return boss.get(reverse("admin:mtrec_batch_change", args=[batch.pk])).content.decode()


def test_progress_is_polled_in_the_shape_of_a_run(boss: Client, batch: Batch) -> None:
    (told,) = boss.get(PROGRESS, {"id": batch.pk}).json()["runs"]
    assert (told["status"], told["text"], told["finished"]) == ("running", "2 of 3 parts", False)
    assert told["percent"] == pytest.approx(200 / 3)
    for shown in (page(boss, batch), boss.get(LIST).content.decode()):
        assert f'data-mtrec-poll="{PROGRESS}"' in shown
        assert f'data-mtrec-run="{batch.pk}"' in shown
        assert "mtrec/admin.js" in shown


def test_it_says_how_many_lists_and_how_long_they_took(boss: Client, batch: Batch) -> None:
    shown = page(boss, batch)
    assert '<div class="readonly">80</div>' in shown
    assert '<div class="readonly">5 s</div>' in shown


def test_a_batch_that_nobody_took_waits_and_one_of_nobody_is_done(boss: Client, home: Scenario) -> None:
    waits, nobody = Batch.objects.create(scenario=home), Batch.objects.create(scenario=home)
    BatchChunk.objects.create(batch=waits, first=1, last=9)
    told = {one["id"]: one["status"] for one in boss.get(PROGRESS, {"id": [waits.pk, nobody.pk]}).json()["runs"]}
    assert told == {waits.pk: "queued", nobody.pk: "succeeded"}


def test_cancel_makes_no_more_of_it(boss: Client, batch: Batch) -> None:
    assert "is cancelled; the lists that are made stay." in press(boss, batch)
    batch.refresh_from_db()
    assert batch.cancelled_at is not None
    assert not batch.waiting.exists()
    assert "data-mtrec-poll" not in page(boss, batch)
    assert "has ended already" in press(boss, batch)


def test_the_lists_are_read_out_when_they_are_made(boss: Client, batch: Batch, staff: Callable[..., Client]) -> None:
    address = reverse("admin:mtrec_batch_csv", args=[batch.pk])
    assert boss.get(address).status_code == 404
    assert address not in page(boss, batch)
    item = Item.objects.create(source="testsite.product", object_id="7", title="Tea")
    one = BatchList.objects.create(
        batch=batch, visitor=Visitor.objects.create(), items=[item.pk], sources=["personal"], scores=[0.5]
    )
    batch.chunks.update(done_at=batch.created_at)
    assert address in page(boss, batch)
    (row,) = csv.DictReader(boss.get(address).getvalue().decode().splitlines())
    assert (row["list"], row["object"], row["candidate_source"]) == (str(one.pk), "7", "personal")
    assert address not in page(staff("view_batch"), batch)


def test_queries_do_not_grow_with_the_batches(boss: Client, batch: Batch, home: Scenario) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(LIST).status_code == 200
        return len(queries)

    before = asked()
    many: list[Any] = [Batch(scenario=home) for _ in range(9)]
    BatchChunk.objects.bulk_create(BatchChunk(batch=one, first=1, last=2) for one in Batch.objects.bulk_create(many))
    assert asked() == before
