"""A real Celery worker with the test's own Postgres as its broker: trains, is killed, and nothing is broken by it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from example_project.celery import app
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

ROOT = Path(__file__).parent.parent
PATIENCE = 90  # seconds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def database_url() -> str:
    settings = connection.settings_dict
    return f"postgresql://{settings['USER']}@/{settings['NAME']}?host={quote(settings['HOST'], safe='')}"


@contextmanager
def worker(log: Path, settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process with its children in a session of their own."""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": settings, "DATABASE_URL": database_url(), "OMP_NUM_THREADS": "1"}
    arguments = ["celery", "-A", "example_project", "worker", "-Q", "mtrec", "-c", "1", "-l", "INFO"]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the worker and all its children: nothing of it can tidy up."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], bool], log: Path) -> None:
    """Look until it is so."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.1)


@contextmanager
def broker(url: str) -> Iterator[None]:
    """Queue at this address for a while."""
    before = app.conf.broker_url
    app.conf.broker_url = url
    app.conf.broker_write_url = app.conf.broker_read_url = url
    try:
        yield
    finally:
        app.conf.broker_url = app.conf.broker_write_url = app.conf.broker_read_url = before


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
