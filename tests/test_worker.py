"""A real Celery worker with the test's own Postgres as its broker: trains, is killed, and nothing is broken by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from example_project.environment import broker_of
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.inference.artifact import Artifact
from mtrec_django.models import ModelVersion, Run, Scenario, VersionFile
from mtrec_django.queueing import enqueue, send, send_light
from mtrec_django.retrieval import store
from mtrec_django.serving.recommender import recommend
from mtrec_django.tasks import catch_up
from tests.jobs.worlds import make_events, make_products
from tests.workers import broker, database_url, wait_for, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def world() -> Iterator[None]:
    with broker(broker_of(database_url())):
        Scenario.objects.all().delete()
        Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
        halves = make_products()
        sync(["testsite.product"])
        import_events(make_events(halves), "testsite.product")
        yield


def test_a_killed_worker_costs_its_run_and_nothing_else(world, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with worker(log, "tests.settings_slow"):
        run = enqueue(Run.Kind.TRAIN, transfers=False)
        wait_for(lambda: Run.objects.get(pk=run.pk).step.startswith("train"), log)
        assert Run.objects.reap() == 0
    assert len(recommend(None, "home", 3)) == 3
    wait_for(lambda: Run.objects.reap() == 1, log)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert "died" in run.error

    with worker(log, "tests.settings_worker"):
        again = enqueue(Run.Kind.TRAIN, transfers=False)
        assert again.pk != run.pk
        wait_for(lambda: Run.objects.get(pk=again.pk).is_finished, log)
    again.refresh_from_db()
    assert again.status == Run.Status.SUCCEEDED, again.error
    assert store.stored() == {again.version_id}
    assert not ModelVersion.objects.filter(status=ModelVersion.Status.BUILDING).exists()


def epochs_kept(run: Run) -> int:
    """Of the checkpoint of the version that a run builds."""
    file = VersionFile.objects.filter(version__runs=run, name="checkpoint").first()
    return len(Artifact.from_bytes(bytes(file.data)).config["epochs"]) if file else 0


def test_another_worker_goes_on_from_the_checkpoint_of_a_killed_one(world, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with worker(log, "tests.settings_slow"):
        run = enqueue(Run.Kind.TRAIN, transfers=False)
        wait_for(lambda: epochs_kept(run) >= 3, log)
    wait_for(lambda: Run.objects.reap() == 1, log)
    reached = epochs_kept(run)
    with worker(log, "tests.settings_slow"):
        again = enqueue(Run.Kind.TRAIN, transfers=False)
        wait_for(lambda: epochs_kept(again) not in (0, reached), log)
        assert epochs_kept(again) > reached


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:1/0",
        "amqp://guest@127.0.0.1:1//",
        "sqla+postgresql+psycopg://postgres@127.0.0.1:1/nowhere",
    ],
)
def test_a_run_waits_in_the_database_while_the_broker_is_down(url: str) -> None:
    pytest.importorskip("redis" if url.startswith("redis") else "kombu")
    with broker(url):
        run = Run.objects.create(kind=Run.Kind.TRAIN)
        assert send(run) is False
        assert send_light("mtrec.encode") is False
    run.refresh_from_db()
    assert (run.status, run.step, run.task_id) == (Run.Status.QUEUED, "waiting for the broker", "")
    with broker(broker_of(database_url())):
        catch_up()
    run.refresh_from_db()
    assert run.task_id
