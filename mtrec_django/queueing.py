"""Asking a worker: one row a run, queued on commit; a broker that is down costs nobody a page."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from celery import Task, current_app
from django.db import DatabaseError, transaction
from django.db.models import Count, Min
from django.utils import timezone
from kombu.exceptions import ChannelError, OperationalError
from kombu.pools import producers

from .broker import prepare
from .conf import get_config
from .models import BatchChunk, Run, Scenario

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work of one kind that no worker has begun."""

    kind: str
    queue: str
    count: int
    since: datetime  # when the oldest was asked for

    @property
    def seconds(self) -> float:
        """Age of the oldest."""
        return max(0.0, (timezone.now() - self.since).total_seconds())


logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2
FAIL_FAST = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
"""Left to itself kombu tries for six seconds to reach a broker that is down, and a page would wait."""

NOT_FOUND = 404
"""What a broker replies of a queue that it does not have."""

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
            transaction.on_commit(lambda: send(run), robust=True)
    return run


def send(run: Run) -> bool:
    """Hand a queued run to the broker; false when the broker is down."""
    task_id = _apply(f"mtrec.{run.kind}", [run.pk], get_config().TRAIN_QUEUE)
    changes = {"task_id": task_id, "step": ""} if task_id else {"step": WAITING}
    Run.objects.filter(pk=run.pk, status=Run.Status.QUEUED).update(**changes)
    run.refresh_from_db()
    return task_id is not None


def send_light(task: Task | str, *args: Any) -> bool:
    """Queue a light task; false when the broker is down (the schedule or the next sync catches up)."""
    name = task if isinstance(task, str) else str(task.name)
    return _apply(name, list(args), get_config().QUEUE) is not None


def waiting() -> list[Waiting]:
    """What waits for a worker, as far as the database knows: runs by kind, and chunks of batches."""
    queued = Run.objects.filter(status=Run.Status.QUEUED).exclude(options__contains={"here": True})
    rows = queued.order_by("kind").values("kind").annotate(count=Count("pk"), since=Min("created_at"))
    found = [Waiting(row["kind"], get_config().TRAIN_QUEUE, row["count"], row["since"]) for row in rows]
    undone = BatchChunk.objects.filter(done_at=None, batch__cancelled_at=None)
    chunks = undone.aggregate(count=Count("pk"), since=Min("batch__created_at"))
    if chunks["count"]:
        found.append(Waiting("batch", get_config().QUEUE, chunks["count"], chunks["since"]))
    return found


def depth(queue: str) -> int | None:
    """Messages in a queue that no worker has taken; None when the broker does not answer."""
    app = current_app
    try:
        with app.connection(
            app.conf.broker_read_url, connect_timeout=CONNECT_SECONDS, transport_options=FAIL_FAST
        ) as connection:
            connection.ensure_connection(timeout=CONNECT_SECONDS, **FAIL_FAST)
            prepare(connection, [queue])
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
    except ChannelError as error:
        return 0 if int(error.reply_code) == NOT_FOUND else None  # Redis keeps no queue without messages
    except (OperationalError, *app.connection().connection_errors, *app.connection().channel_errors):
        return None


def depths() -> list[tuple[str, int]]:
    """The site's queues and how many messages are in each, where that is known."""
    names = sorted({get_config().QUEUE, get_config().TRAIN_QUEUE})
    return [(name, messages) for name in names if (messages := depth(name)) is not None]


def ages() -> list[tuple[str, str, int, float]]:
    """What waits as kind, queue, count and age of the oldest; nothing while the database is away."""
    try:
        return [(one.kind, one.queue, one.count, one.seconds) for one in waiting()]
    except DatabaseError as error:
        logger.warning("mtrec: the database does not say what waits: %s", error)
        return []


def _apply(name: str, args: list[Any], queue: str) -> str | None:
    app = current_app
    task = app.tasks.get(name)
    try:
        if app.conf.task_always_eager and task is not None:
            return str(task.apply_async(args, queue=queue).id)
        connection = app.connection(
            app.conf.broker_write_url, connect_timeout=CONNECT_SECONDS, transport_options=FAIL_FAST
        )
        prepare(connection, [queue])
        with producers[connection].acquire(block=True, timeout=CONNECT_SECONDS) as producer:
            # By name, so that a process that never loads the tasks can queue them.
            result = app.send_task(name, args, queue=queue, producer=producer, retry=False)
    except (OperationalError, *app.connection().connection_errors) as error:
        logger.warning("mtrec: the broker is down, %s was not queued: %s", name, error, extra={"task": name})
        return None
    return str(result.id)
