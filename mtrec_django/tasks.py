"""Celery tasks, one line each; what they do is in `jobs`. Importing this module imports no torch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any

from celery import Task, shared_task
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerDown

from .events.pseudonyms import rekey
from .exceptions import RunBusy, RunLate
from .locking import alone, in_turn, limited
from .models import Run, Scenario
from .models.locks import Lock
from .queueing import enqueue, send, send_light

__all__ = [
    "batch",
    "catch_up",
    "encode",
    "enqueue",
    "experiments",
    "help_encode",
    "metrics",
    "partners",
    "prune",
    "reindex",
    "scores",
    "send",
    "send_light",
    "sync",
    "train",
    "transfer",
]

logger = logging.getLogger(__name__)


class LightTask(Task):
    """Tried again, later each time, while database or broker are away."""

    ignore_result = True
    autoretry_for = (OperationalError, InterfaceError, BrokerDown)
    retry_backoff = 5  # seconds, doubled each time, of which a random share is waited
    retry_backoff_max = 600
    max_retries = 6


class TrainTask(LightTask):
    """A run; what came of it stands in its row."""

    @property
    def may_try_again(self) -> bool:
        return bool(self.request.retries < self.max_retries)


def light(lock: Lock | None, waiting: Lock | None = None) -> Callable[[Callable[..., None]], Task]:
    """A light task named after its function, under a lock; by `waiting` a second copy waits, where none does."""

    def decorate(work: Callable[..., None]) -> Task:
        @shared_task(name=f"mtrec.{work.__name__}", base=LightTask)
        @wraps(work)
        def task(*args: Any, **kwargs: Any) -> None:
            with _told(work.__name__), limited("TASK_SECONDS"), _held(lock, waiting):
                work(*args, **kwargs)

        return task

    return decorate


def _held(lock: Lock | None, waiting: Lock | None) -> AbstractContextManager[None]:
    if lock is None:
        return nullcontext()
    return in_turn(lock, waiting) if waiting else alone(lock)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Not to be begun, and to be stopped, are no errors of a task: they are said."""
    try:
        yield
    except RunBusy as error:
        logger.info("mtrec: %s ended at once: %s", name, error, extra={"task": f"mtrec.{name}"})
    except RunLate as error:
        logger.error("mtrec: %s was stopped: %s", name, error, extra={"task": f"mtrec.{name}"})


@shared_task(name="mtrec.train", bind=True, base=TrainTask)
def train(self: TrainTask, run_id: int | None = None) -> None:
    """Pretrain a base version on the feedback of all scenarios, then ask for the transfers.

    Without a run, as a schedule calls, ask for one.
    """
    from . import jobs

    if run_id is None:
        enqueue(Run.Kind.TRAIN)
        return
    with _told("train"):
        jobs.train(run_id, task_id=self.request.id or "", again=self.may_try_again)


@shared_task(name="mtrec.transfer", bind=True, base=TrainTask)
def transfer(self: TrainTask, run_id: int | None = None, scenario: str | None = None) -> None:
    """Fine-tune the live base for one scenario; without a run, ask for one."""
    from . import jobs

    if run_id is None:
        enqueue(Run.Kind.TRANSFER, Scenario.objects.get(name=scenario))
        return
    with _told("transfer"):
        jobs.transfer(run_id, task_id=self.request.id or "", again=self.may_try_again)


@light(Lock.ENCODE, waiting=Lock.ENCODE_NEXT)
def encode() -> None:
    """Encode new and changed texts and give the items a place in every live base version."""
    from . import jobs

    jobs.call_helpers()
    jobs.encode_items()
    jobs.encode_images()
    jobs.place_new_items()


@light(None)
def help_encode() -> None:
    """Encode beside other workers, each a chunk at a time under the chunk's lock."""
    from . import jobs

    jobs.encode_items()
    jobs.encode_images()


@light(Lock.SYNC)
def sync() -> None:
    """Bring the whole catalogue in again, for what bulk changes have left behind; then encode what is new."""
    from . import jobs

    jobs.sync_catalogue()
    send_light("mtrec.encode")


@light(Lock.SCORES)
def scores() -> None:
    """Count popularity and trend of every item in every scenario."""
    from . import jobs

    jobs.refresh_scores()


@light(Lock.METRICS)
def metrics() -> None:
    """Count what came of what was shown, by day."""
    from . import jobs

    jobs.refresh_metrics()


@light(Lock.EXPERIMENTS)
def experiments() -> None:
    """Count the arms of experiments, stop those that do harm, end those whose time is over."""
    from . import jobs

    jobs.refresh_experiments()


@light(Lock.PARTNERS)
def partners() -> None:
    """Count what is bought together."""
    from . import jobs

    jobs.refresh_partners()


@light(None)
def batch(chunk_id: int) -> None:
    """Make the lists of one chunk of a batch, under the lock of its row."""
    from . import jobs

    jobs.make_chunk(chunk_id)


@light(Lock.PRUNE)
def prune() -> None:
    """Drop superseded versions and what died half built, and what is older than the site keeps."""
    from . import jobs

    rekey()
    jobs.expire()
    jobs.prune()
    jobs.drop_batches()


@light(Lock.REINDEX)
def reindex() -> None:
    """Build the vector indexes anew that have seen many writes, while the old ones serve."""
    from . import jobs

    jobs.reindex()


@light(Lock.CATCH_UP)
def catch_up() -> None:
    """Fail the runs of dead workers, and queue what could not be queued while the broker was down."""
    from . import jobs

    Run.objects.reap()
    for run in Run.objects.filter(status=Run.Status.QUEUED, task_id="").exclude(options__contains={"here": True}):
        if not send(run):
            return
    jobs.send_chunks()
