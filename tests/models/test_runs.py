"""Runs: claimed once, followed while they go on, and failed when their worker is gone."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from mtrec_django.models import Run, locks


@pytest.fixture
def run(transactional_db: None) -> Run:
    return Run.objects.create(kind=Run.Kind.TRAIN)


def elsewhere(work) -> object:
    """Do something on a connection of its own, which is closed after it, as a dead worker's is."""
    outcome: list[object] = []

    def target() -> None:
        try:
            outcome.append(work())
            outcome.append(connection.connection.info.backend_pid)
        finally:
            connection.close()

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    with connection.cursor() as cursor:
        # The server takes a moment to see that its client is gone, and only then lets its locks go.
        cursor.execute("select pg_terminate_backend(pid, 60000) from pg_stat_activity where pid = %s", outcome[1:])
    return outcome[0]


def test_one_worker_claims_a_run(run: Run) -> None:
    assert run.claim("task-1")
    assert elsewhere(lambda: Run.objects.get(pk=run.pk).claim("task-2")) is False
    run.refresh_from_db()
    assert (run.status, run.task_id) == (Run.Status.RUNNING, "task-1")
    run.finish(Run.Status.SUCCEEDED)


def test_a_run_that_ended_is_not_claimed_again(run: Run) -> None:
    assert run.claim()
    run.finish(Run.Status.SUCCEEDED)
    assert not Run.objects.get(pk=run.pk).claim()
    assert elsewhere(lambda: Run.objects.get(pk=run.pk).lock()) is True


def test_a_running_run_is_not_reaped(run: Run) -> None:
    assert run.claim()
    assert elsewhere(Run.objects.reap) == 0
    assert Run.objects.reap() == 0
    run.finish(Run.Status.SUCCEEDED)


def test_a_dead_workers_run_is_failed(run: Run) -> None:
    assert elsewhere(lambda: Run.objects.get(pk=run.pk).claim()) is True
    assert Run.objects.reap() == 1
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert "died" in run.error


def test_a_run_that_is_begun_while_the_dead_are_looked_for_is_not_one_of_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, begun = locks.held, threading.Event()

    def then_somebody_begins(**kwargs: str) -> set[int]:
        taken = held(**kwargs)
        worker.start()
        begun.wait(60)
        return taken

    def begin() -> None:
        assert Run.objects.get(pk=run.pk).claim("task-1")
        begun.set()
        over.wait(60)
        connection.close()

    over, worker = threading.Event(), threading.Thread(target=begin)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING)  # as its dead worker left it
    monkeypatch.setattr(locks, "held", then_somebody_begins)
    assert Run.objects.reap() == 0
    over.set()
    worker.join()
    run.refresh_from_db()
    assert (run.status, run.task_id) == (Run.Status.RUNNING, "task-1")


def test_a_redelivered_run_is_taken_up_after_its_worker_died(run: Run) -> None:
    assert elsewhere(lambda: Run.objects.get(pk=run.pk).claim("task-1")) is True
    assert run.claim("task-1")
    run.finish(Run.Status.SUCCEEDED)


@pytest.mark.django_db
def test_progress_tells_step_share_and_time_left() -> None:
    run = Run.objects.create(kind=Run.Kind.TRAIN)
    run.claim()
    assert run.progress("train", 1, 4)
    assert run.progress("train", 2, 4)
    stored = Run.objects.get(pk=run.pk)
    assert (stored.step, stored.percent) == ("train", 50.0)
    assert stored.seconds_left is not None
    run.finish(Run.Status.SUCCEEDED)
    assert Run.objects.get(pk=run.pk).seconds_left is None


@pytest.mark.django_db
def test_cancelling_a_queued_run_ends_it_and_a_running_one_is_told() -> None:
    queued = Run.objects.create(kind=Run.Kind.TRAIN)
    queued.cancel()
    assert queued.status == Run.Status.CANCELLED
    running = Run.objects.create(kind=Run.Kind.TRAIN)
    running.claim()
    running.cancel()
    assert running.status == Run.Status.RUNNING
    assert running.progress("train", 1, 2) is False
    running.finish(Run.Status.CANCELLED)


def test_the_pace_of_a_step_counts_from_its_first_beginning(run: Run) -> None:
    assert run.claim()
    run.progress("train", 0, 8)
    began = run.step_started_at
    run.progress("validate", 0, 1)
    assert run.step_started_at != began
    run.progress("train", 1, 8)
    assert run.step_started_at == began
    run.finish(Run.Status.SUCCEEDED)
