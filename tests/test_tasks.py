"""Every task: alone, in time, tried again where the database was away, and not where there is a bug."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection, transaction

from example_project.celery import app
from example_project.environment import broker_of
from mtrec_django import jobs, tasks
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.exceptions import RunBusy, RunLate
from mtrec_django.jobs import training
from mtrec_django.locking import alone, in_turn, limited
from mtrec_django.models import Batch, BatchChunk, ItemScore, ModelVersion, Run, Scenario, locks
from mtrec_django.models.locks import Lock
from mtrec_django.queueing import enqueue, send_light
from tests.jobs.worlds import make_events, make_products
from tests.workers import broker, database_url, wait_for, worker

pytestmark = pytest.mark.usefixtures("quick")

LOCKED = ["catch_up", "encode", "experiments", "metrics", "partners", "prune", "reindex", "scores", "sync"]


@pytest.fixture
def quick(settings: Any) -> None:
    settings.MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 3}, "THREADS": 1}


@pytest.fixture
def world(transactional_db: None) -> None:
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")


@contextmanager
def elsewhere(*numbers: int) -> Iterator[None]:
    """Another session holds these locks."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        for number in numbers:
            assert locks.take(number, using="default")
        held.set()
        over.wait(60)
        for number in numbers:
            locks.release(number, using="default")
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        yield
    finally:
        over.set()
        thread.join()


def free(number: int) -> bool:
    """Whether another session could take a lock."""
    found: list[bool] = []

    def look() -> None:
        found.append(locks.take(number, using="default"))
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.django_db
@pytest.mark.parametrize("name", LOCKED)
def test_a_second_copy_ends_at_once_and_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for work in ("encode_items", "refresh_experiments", "refresh_metrics", "refresh_partners", "refresh_scores"):
        monkeypatch.setattr(jobs, work, lambda: pytest.fail("it worked beside the other"))
    monkeypatch.setattr(jobs, "expire", jobs.refresh_scores)
    monkeypatch.setattr(jobs, "reindex", jobs.refresh_scores)
    monkeypatch.setattr(jobs, "sync_catalogue", jobs.refresh_scores)
    monkeypatch.setattr(jobs, "send_chunks", jobs.refresh_scores)
    with elsewhere(Lock[f"{name.upper()}_NEXT" if name == "encode" else name.upper()]), caplog.at_level(logging.INFO):
        app.tasks[f"mtrec.{name}"]()
    assert f"{name} ended at once: another worker is at it" in caplog.text


@pytest.mark.django_db
def test_a_lock_is_let_go_whatever_comes() -> None:
    with pytest.raises(ValueError, match="a bug"), alone(Lock.SCORES):
        assert not free(Lock.SCORES)
        raise ValueError("a bug")
    assert free(Lock.SCORES)


@pytest.mark.django_db
def test_of_many_copies_one_waits() -> None:
    went: list[str] = []

    def wait() -> None:
        with in_turn(Lock.ENCODE, Lock.ENCODE_NEXT):
            went.append("the one that waited")
        connection.close()

    waiting = threading.Thread(target=wait)
    with elsewhere(Lock.ENCODE):
        waiting.start()
        while Lock.ENCODE_NEXT % 2**32 not in locks.held(using="default"):
            pass
        with pytest.raises(RunBusy), in_turn(Lock.ENCODE, Lock.ENCODE_NEXT):
            pytest.fail("two waited")
        assert went == []
    waiting.join()
    assert went == ["the one that waited"]


@pytest.mark.django_db(transaction=True)
def test_a_limit_ends_what_the_database_is_at_and_frees_the_lock(settings: Any) -> None:
    settings.MTREC = settings.MTREC | {"TASK_SECONDS": 1}
    late = pytest.raises(RunLate, match=r"1 seconds.*TASK_SECONDS")
    with late, limited("TASK_SECONDS"), alone(Lock.SCORES), connection.cursor() as cursor:
        cursor.execute("select pg_sleep(600)")
    assert free(Lock.SCORES)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_stat_activity where query like 'select pg_sleep(600)%%' and pid <> 0")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_a_run_that_takes_too_long_fails_with_its_reason(
    world: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MTREC = settings.MTREC | {"TRAIN_SECONDS": 700}

    def strike(step: str, done: int, total: int) -> None:
        if step == "train":
            raise SoftTimeLimitExceeded

    run = jobs.train(watch=strike)
    run.refresh_from_db()
    assert (run.status, run.error) == (
        Run.Status.FAILED,
        'It took longer than 700 seconds, the limit MTREC["TRAIN_SECONDS"].',
    )
    assert free(run.pk)
    assert ModelVersion.objects.get().status == ModelVersion.Status.FAILED
    assert "was stopped" in caplog.text


@pytest.mark.django_db
def test_limits_are_what_the_site_says(settings: Any) -> None:
    def left() -> float:
        return signal.getitimer(signal.ITIMER_REAL)[0]

    settings.MTREC = settings.MTREC | {"TASK_SECONDS": 500, "TRAIN_SECONDS": 0}
    with limited("TRAIN_SECONDS"):
        assert left() == 0
    with limited("TASK_SECONDS"):
        assert 400 < left() <= 500
        settings.MTREC = settings.MTREC | {"TASK_SECONDS": 9}
        with limited("TASK_SECONDS"):
            assert left() <= 9
        assert 400 < left() <= 500
    assert left() == 0


def failing(times: int, error: Exception) -> tuple[Callable[..., Any], list[int]]:
    calls: list[int] = []

    def work(*args: object) -> None:
        calls.append(len(calls))
        if len(calls) <= times:
            raise error

    return work, calls


@pytest.mark.django_db
def test_a_task_is_tried_again_where_the_database_was_away_and_not_where_there_is_a_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work, calls = failing(2, OperationalError("server closed the connection"))
    monkeypatch.setattr(jobs, "refresh_scores", work)
    assert tasks.scores.apply().successful()
    assert len(calls) == 3
    work, calls = failing(1, ValueError("a bug"))
    monkeypatch.setattr(jobs, "refresh_scores", work)
    assert tasks.scores.apply().failed()
    assert len(calls) == 1
    assert free(Lock.SCORES)


@pytest.mark.django_db(transaction=True)
def test_a_run_waits_for_its_task_to_try_again(world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run, seen = enqueue(Run.Kind.TRAIN, here=True), []
    read = training.read_dataset

    def away() -> Any:
        seen.append(Run.objects.get(pk=run.pk).status)
        if len(seen) == 1:
            raise OperationalError("server closed the connection")
        return read()

    put_back = Run.put_back

    def noted(self: Run, why: str) -> None:
        put_back(self, why)
        seen.extend(Run.objects.filter(pk=run.pk).values_list("step", "error"))

    monkeypatch.setattr(training, "read_dataset", away)
    monkeypatch.setattr(Run, "put_back", noted)
    assert tasks.train.apply([run.pk]).successful()
    run.refresh_from_db()
    why = ("waiting to try again", "OperationalError: server closed the connection")
    assert seen == ["running", why, "running"]
    assert (run.status, run.error) == (Run.Status.SUCCEEDED, "")


@pytest.mark.django_db(transaction=True)
def test_a_run_that_was_called_dead_is_its_own_tasks_still() -> None:
    run = Run.objects.create(kind=Run.Kind.TRAIN, status=Run.Status.RUNNING, task_id="task-1")
    assert Run.objects.reap() == 1
    run.refresh_from_db()
    assert not run.claim("task-2")
    assert run.claim("task-1")
    assert (run.status, run.error, run.finished_at) == (Run.Status.RUNNING, "", None)
    run.finish(Run.Status.SUCCEEDED)


@pytest.mark.django_db(transaction=True)
def test_a_schedule_asks_for_runs_as_anybody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", goal={"purchase": 1})
    tasks.train()
    tasks.train()
    tasks.transfer(scenario="home")
    asked = Run.objects.order_by("pk")
    assert [(run.kind, run.status, run.options) for run in asked] == [
        ("train", "queued", {"here": False}),
        ("transfer", "queued", {"here": False}),
    ]
    assert all(run.task_id for run in asked)


@pytest.mark.django_db
def test_chunks_that_could_not_be_queued_are_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Batch.objects.create(scenario=Scenario.objects.get_or_create(name="home")[0])
    chunk = BatchChunk.objects.create(batch=batch, first=1, last=2)
    tasks.catch_up()
    chunk.refresh_from_db()
    assert chunk.queued_at is not None


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_stops_a_task_at_its_limit_even_in_the_midst_of_a_statement(world: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with broker(broker_of(database_url())), worker(log, "tests.settings_short"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("lock table mtrec_itemscore in share mode")  # the task waits here
            send_light("mtrec.scores")
            wait_for(lambda: "scores was stopped: It took longer than 1 seconds" in log.read_text(), log)
            assert free(Lock.SCORES)
            cursor.execute("select count(*) from pg_locks where not granted")
            assert cursor.fetchone() == (0,)
        send_light("mtrec.scores")
        wait_for(ItemScore.objects.exists, log)
