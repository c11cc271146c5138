"""Asking a worker: one row a run, queued on commit; a broker that is down costs nobody a page."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import Task, current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from .conf import get_config
from .models import Run, Scenario

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

WAITING = "waiting for the broker"
"""The step of a run that could not be queued; `mtrec.catch_up` tries again."""


def enqueue(
    kind: str,
    scenario: Scenario | None = None,
    *,
    by: User | None = None,
    here: bool = False,
    **options: Any,
) -> Run:
    """Ask for a base training or a transfer. One that is unfinished already is returned instead.

    With `here` nothing is queued: the caller works on it himself.
    """
    Run.objects.reap()
    with transaction.atomic():
        # Two who press the button at once get one run between them.
        list(Scenario.objects.select_for_update().order_by("pk").values_list("pk"))
        unfinished = Run.objects.unfinished().filter(kind=kind, scenario=scenario).first()
        if unfinished is not None:
            return unfinished
        run = Run.objects.create(kind=kind, scenario=scenario, requested_by=by, options=options | {"here": here})
        if not here:
            transaction.on_commit(partial(send, run), robust=True)
    return run


def send(run: Run) -> bool:
    """Hand a queued run to the broker; false when the broker is down."""
    task_id = _apply(f"mtrec.{run.kind}", [run.pk], get_config().TRAIN_QUEUE)
    changes = {"task_id": task_id, "step": ""} if task_id else {"step": WAITING}
    Run.objects.filter(pk=run.pk, status=Run.Status.QUEUED).update(**changes)
    run.refresh_from_db()
    return task_id is not None


def send_light(task: Task | str) -> bool:
    """Queue a light task; false when the broker is down (the schedule or the next sync catches up)."""
    name = task if isinstance(task, str) else str(task.name)
    return _apply(name, [], get_config().QUEUE) is not None


def _apply(name: str, args: list[Any], queue: str) -> str | None:
    task = current_app.tasks.get(name)
    try:
        # By name where the tasks are not loaded; through the task where they are, so that eager settings are heeded.
        result = (
            task.apply_async(args, queue=queue, retry=False)
            if task is not None
            else current_app.send_task(name, args, queue=queue, retry=False)
        )
    except OperationalError as error:
        logger.warning("mtrec: the broker is down, %s was not queued: %s", name, error)
        return None
    return str(result.id)
