"""Celery tasks, one line each; what they do is in `jobs`. Importing this module imports no torch."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import Task, shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from .conf import get_config
from .models import Run, Scenario

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger(__name__)


@shared_task(name="mtrec.train", bind=True, ignore_result=True)
def train(self: Task, run_id: int | None = None) -> None:
    """Pretrain a base version on the feedback of all scenarios, then transfer it to each."""
    from . import jobs

    jobs.train(run_id, task_id=self.request.id or "")


@shared_task(name="mtrec.transfer", bind=True, ignore_result=True)
def transfer(self: Task, run_id: int | None = None, scenario: str | None = None) -> None:
    """Fine-tune the live base for one scenario."""
    from . import jobs

    jobs.transfer(run_id, scenario=scenario, task_id=self.request.id or "")


@shared_task(name="mtrec.encode", ignore_result=True)
def encode() -> None:
    """Encode new and changed texts and give new items a place in every live base version."""
    from . import jobs

    jobs.encode_items()
    jobs.place_new_items()


@shared_task(name="mtrec.sync", ignore_result=True)
def sync() -> None:
    """Bring the whole catalogue in again, for what bulk changes have left behind."""
    from . import jobs

    jobs.sync_catalogue()


@shared_task(name="mtrec.scores", ignore_result=True)
def scores() -> None:
    """Count popularity and trend of every item in every scenario."""
    from . import jobs

    jobs.refresh_scores()


@shared_task(name="mtrec.prune", ignore_result=True)
def prune() -> None:
    """Drop superseded versions and what died half built."""
    from . import jobs

    jobs.prune()


@shared_task(name="mtrec.catch_up", ignore_result=True)
def catch_up() -> None:
    """Fail the runs of dead workers, and queue what could not be queued while the broker was down."""
    Run.objects.reap()
    for run in Run.objects.filter(status=Run.Status.QUEUED, task_id=""):
        send(run)


RUN_TASKS: dict[str, Task] = {Run.Kind.TRAIN: train, Run.Kind.TRANSFER: transfer}


def enqueue(
    kind: str, scenario: Scenario | None = None, *, by: AbstractBaseUser | None = None, here: bool = False, **options: Any
) -> Run:
    """Ask for a base training or a transfer: one row, queued on commit. One that is unfinished already is returned.

    With `here` nothing is queued: the caller works on it himself.
    """
    Run.objects.reap()
    with transaction.atomic():
        # Two who press the button at once get one run between them.
        list(Scenario.objects.select_for_update().order_by("pk").values_list("pk"))
        unfinished = Run.objects.unfinished().filter(kind=kind, scenario=scenario).first()
        if unfinished is not None:
            return unfinished
        run = Run.objects.create(kind=kind, scenario=scenario, requested_by=by, options=options)
        if not here:
            transaction.on_commit(partial(send, run), robust=True)
    return run


def send(run: Run) -> bool:
    """Hand a queued run to the broker; false when the broker is down (`mtrec.catch_up` tries again)."""
    try:
        result = RUN_TASKS[run.kind].apply_async([run.pk], queue=get_config().TRAIN_QUEUE, retry=False)
    except OperationalError as error:
        logger.warning("mtrec: the broker is down, %s waits in the database: %s", run, error)
        Run.objects.filter(pk=run.pk, status=Run.Status.QUEUED).update(
            step="waiting for the broker", heartbeat_at=timezone.now()
        )
        return False
    Run.objects.filter(pk=run.pk, task_id="").update(task_id=result.id)
    run.task_id = result.id
    return True


def send_light(task: Task, **kwargs: Any) -> bool:
    """Queue a light task; false when the broker is down (the schedule or the next sync catches up)."""
    try:
        task.apply_async(kwargs=kwargs, queue=get_config().QUEUE, retry=False)
    except OperationalError as error:
        logger.warning("mtrec: the broker is down, %s was not queued: %s", task.name, error)
        return False
    return True
