"""Each broker for real: its server is started, worked with, stopped while the site goes on, and started again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from prometheus_client import REGISTRY

from example_project.shop.loading import load_shop
from example_project.shop.models import Product as ShopProduct
from mtrec_django.catalog.scenarios import sync_declared
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.management import doctor
from mtrec_django.models import Feedback, ItemContent, ItemScore, Run
from mtrec_django.queueing import WAITING, depths, enqueue, send_light
from mtrec_django.serving import live
from tests.broker_servers import Postgres, RabbitMQ, Redis, Server
from tests.example_project.folder import write_folder
from tests.jobs.worlds import make_events, make_products
from tests.workers import broker, wait_for, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PROMPT = 3.0
"""Seconds that a page may take while the broker is down, on a busy machine."""


@pytest.fixture(params=[Redis, RabbitMQ, Postgres])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A broker that is up."""
    found: Server = request.param(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopProduct]:
    """A shop whose pages can be asked for, and the small world to train on; one of the shop's products."""
    sync_declared()
    load_shop(write_folder(tmp_path))
    halves = make_products()
    sync()
    import_events(make_events(halves), "testsite.product")
    live.reset()
    yield ShopProduct.objects.get(sku="MUG")
    live.reset()


def test_a_broker_that_works_goes_and_comes_back(server: Server, shop: ShopProduct, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with broker(server.url):
        assert depths() == [("mtrec", 0)]
        what_waits_is_told()
        with worker(log, "tests.settings_quick", server.url):
            work_through_a_stop(server, shop, log)


def what_waits_is_told() -> None:
    """By the metrics, the doctor and the status, while no worker is there to take it."""
    for sent in (1, 2):
        assert send_light("mtrec.scores")
        assert depths() == [("mtrec", sent)]
    assert REGISTRY.get_sample_value("mtrec_queue_messages", {"queue": "mtrec"}) == 2
    call_command("mtrec_status", "--json", stdout=(out := StringIO()))
    assert json.loads(out.getvalue())["messages"] == {"mtrec": 2}
    assert "2 messages in the queue mtrec." in [finding.text for finding in doctor._waiting()]


def work_through_a_stop(server: Server, shop: ShopProduct, log: Path) -> None:
    run = enqueue(Run.Kind.TRAIN, transfers=False)
    wait_for(lambda: Run.objects.get(pk=run.pk).is_finished, log)
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED, run.error
    assert ItemScore.objects.exists()

    wait_for(lambda: depths() == [("mtrec", 0)], log)
    server.stop()
    assert depths() == []
    waiting = go_on_without_a_broker(shop)

    server.start()
    assert send_light("mtrec.encode")
    assert send_light("mtrec.catch_up")
    wait_for(lambda: Run.objects.get(pk=waiting.pk).is_finished, log)
    waiting.refresh_from_db()
    assert waiting.status == Run.Status.SUCCEEDED, waiting.error
    assert ItemContent.objects.filter(item__title="A mug of another name").exists()


def go_on_without_a_broker(product: ShopProduct) -> Run:
    """What a site does meanwhile: a page, an event, a save, a training asked for. Gives that run."""
    began = time.monotonic()
    events = Feedback.objects.count()
    assert Client().get(product.get_absolute_url()).status_code == 200
    assert Feedback.objects.count() == events + 1
    product.title = "A mug of another name"
    product.save()
    assert send_light("mtrec.scores") is False
    run = enqueue(Run.Kind.TRAIN, transfers=False)
    run.refresh_from_db()
    assert (run.status, run.step, run.task_id) == (Run.Status.QUEUED, WAITING, "")
    assert time.monotonic() - began < PROMPT
    return run
