"""Celery tasks, one line each; what they do is in `jobs`. Importing this module imports no torch."""

from __future__ import annotations

from celery import Task, shared_task

from .events.pseudonyms import rekey
from .models import Run
from .queueing import enqueue, send, send_light

__all__ = [
    "batch",
    "catch_up",
    "encode",
    "enqueue",
    "experiments",
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


@shared_task(name="mtrec.train", bind=True, ignore_result=True)
def train(self: Task, run_id: int | None = None) -> None:
    """Pretrain a base version on the feedback of all scenarios, then ask for the transfers."""
    from . import jobs

    jobs.train(run_id, task_id=self.request.id or "")


@shared_task(name="mtrec.transfer", bind=True, ignore_result=True)
def transfer(self: Task, run_id: int | None = None, scenario: str | None = None) -> None:
    """Fine-tune the live base for one scenario."""
    from . import jobs

    jobs.transfer(run_id, scenario=scenario, task_id=self.request.id or "")


@shared_task(name="mtrec.encode", ignore_result=True)
def encode() -> None:
    """Encode new and changed texts and give the items a place in every live base version."""
    from . import jobs

    jobs.encode_items()
    jobs.encode_images()
    jobs.place_new_items()


@shared_task(name="mtrec.sync", ignore_result=True)
def sync() -> None:
    """Bring the whole catalogue in again, for what bulk changes have left behind; then encode what is new."""
    from . import jobs

    jobs.sync_catalogue()
    send_light("mtrec.encode")


@shared_task(name="mtrec.scores", ignore_result=True)
def scores() -> None:
    """Count popularity and trend of every item in every scenario."""
    from . import jobs

    jobs.refresh_scores()


@shared_task(name="mtrec.metrics", ignore_result=True)
def metrics() -> None:
    """Count what came of what was shown, by day."""
    from . import jobs

    jobs.refresh_metrics()


@shared_task(name="mtrec.experiments", ignore_result=True)
def experiments() -> None:
    """Count the arms of experiments, stop those that do harm, end those whose time is over."""
    from . import jobs

    jobs.refresh_experiments()


@shared_task(name="mtrec.partners", ignore_result=True)
def partners() -> None:
    """Count what is bought together."""
    from . import jobs

    jobs.refresh_partners()


@shared_task(name="mtrec.batch", ignore_result=True)
def batch(chunk_id: int) -> None:
    """Make the lists of one chunk of a batch."""
    from . import jobs

    jobs.make_chunk(chunk_id)


@shared_task(name="mtrec.prune", ignore_result=True)
def prune() -> None:
    """Drop superseded versions and what died half built, and what is older than the site keeps."""
    from . import jobs

    rekey()
    jobs.expire()
    jobs.prune()
    jobs.drop_batches()


@shared_task(name="mtrec.reindex", ignore_result=True)
def reindex() -> None:
    """Build the vector indexes anew that have seen many writes, while the old ones serve."""
    from . import jobs

    jobs.reindex()


@shared_task(name="mtrec.catch_up", ignore_result=True)
def catch_up() -> None:
    """Fail the runs of dead workers, and queue what could not be queued while the broker was down."""
    Run.objects.reap()
    for run in Run.objects.filter(status=Run.Status.QUEUED, task_id="").exclude(options__contains={"here": True}):
        send(run)
