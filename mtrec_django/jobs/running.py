"""A run from claim to end: its lock, its progress in the database, and whatever way it ends."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

from ..exceptions import RunBusy, RunCancelled, RunLate
from ..models import Run
from ..observing import count_run, span
from ..signals import run_finished

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

WRITE_SECONDS = 0.5
"""At most so often is progress written to the database."""


class ProgressWriter:
    """Called by whatever takes long; writes to the run, shows to a watcher, and stops a cancelled run."""

    def __init__(self, run: Run, watch: Progress | None = None) -> None:
        self.run = run
        self.watch = watch
        self.written_at = 0.0
        self.step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        if self.watch:
            self.watch(step, done, total)
        now = time.monotonic()
        if step == self.step and now - self.written_at < WRITE_SECONDS and done != total:
            return
        self.step, self.written_at = step, now
        if not self.run.progress(step, done, total):
            raise RunCancelled(f"{self.run} was cancelled")


@contextmanager
def working(
    run: Run, *, task_id: str = "", watch: Progress | None = None, again: bool = False
) -> Iterator[ProgressWriter]:
    """Hold a run's lock while its work is done and say how it ended.

    Args:
        again: whether the task tries once more where the database was away; the run waits for it.

    Raises:
        RunBusy: when another worker has it, or it has ended already.
    """
    if not run.claim(task_id):
        raise RunBusy(f"{run} is worked on elsewhere, or has ended")
    try:
        with span(run.kind):
            yield ProgressWriter(run, watch)
    except RunCancelled:
        run.finish(Run.Status.CANCELLED)
    except RunLate as error:
        run.finish(Run.Status.FAILED, error=str(error))
        logger.error("mtrec: %s was stopped: %s", run, error, extra={"run": run.pk, "kind": run.kind})
    except BaseException as error:
        if again and isinstance(error, OperationalError | InterfaceError):
            run.put_back(f"{type(error).__name__}: {error}")
            raise
        # Recorded, never swallowed: the row tells the person at the admin, the exception whoever runs the worker.
        run.finish(Run.Status.FAILED, error=f"{type(error).__name__}: {error}")
        told = {"run": run.pk, "kind": run.kind, "error": type(error).__name__}
        logger.error("mtrec: %s failed\n%s", run, traceback.format_exc(), extra=told)
        raise
    else:
        run.finish(Run.Status.SUCCEEDED)
    finally:
        logger.info("mtrec: %s %s", run, run.status, extra={"run": run.pk, "kind": run.kind, "status": run.status})
        if run.is_finished:
            count_run(run.kind, run.status)
            run_finished.send(Run, run=run)


def being_built() -> set[int]:
    """Versions that a living worker is at; the others that look unfinished belong to workers that died."""
    running = Run.objects.filter(status=Run.Status.RUNNING, version__isnull=False)
    return {pk for pk in running.values_list("version_id", flat=True) if pk is not None}
