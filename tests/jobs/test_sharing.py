"""Two real workers share what is large: each text is encoded and each list made by whichever is free."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction

from example_project.environment import broker_of
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.jobs.batches import start_batch
from mtrec_django.jobs.encoding import CHUNK
from mtrec_django.models import Item, ItemContent, Scenario, Visitor
from mtrec_django.queueing import send_light
from tests.workers import broker, database_url, wait_for, worker

from .worlds import make_events, make_products

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@contextmanager
def nothing_written_to(table: str) -> Iterator[None]:
    """Whoever would write to a table waits until the block is over."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"lock table {table} in share mode")
        yield


def waiting_for(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_locks where not granted and relation = %s::regclass", [table])
        return int(cursor.fetchone()[0])


@pytest.fixture
def world() -> None:
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")
    texts = [f"garden tool number {number}" for number in range(3 * CHUNK)]
    Item.objects.bulk_create(
        [Item(source="testsite.product", object_id=f"x{k}", text=text, text_hash=text) for k, text in enumerate(texts)]
    )


def test_two_workers_share_texts_and_lists(world: None, tmp_path: Path) -> None:
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    batch = start_batch("home", 3, chunk=4, here=True)
    with ExitStack() as stack:
        stack.enter_context(broker(broker_of(database_url())))
        for log in (one, two):  # one after the other: kombu makes its tables in Postgres when it first connects
            stack.enter_context(worker(log, "tests.settings_quick"))
            wait_for(lambda log=log: "ready." in log.read_text(), log)
        with nothing_written_to("mtrec_itemcontent"):
            send_light("mtrec.encode")
            wait_for(lambda: waiting_for("mtrec_itemcontent") == 2, one)
        wait_for(lambda: ItemContent.objects.count() == Item.objects.count(), two)
        with nothing_written_to("mtrec_batchlist"):
            for chunk in batch.waiting:
                send_light("mtrec.batch", chunk.pk)
            wait_for(lambda: waiting_for("mtrec_batchlist") == 2, one)
        wait_for(lambda: not batch.waiting.exists(), two)
    assert batch.lists.count() == Visitor.objects.count() == 60
    for log in (one, two):
        assert re.search(r"Task mtrec\.batch\S+ succeeded", log.read_text())
