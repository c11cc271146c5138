"""Watch runs from a terminal: the worker writes its progress to the database, this reads it."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import connection
from django.db.models import QuerySet

from ..models import Run

Progress = Callable[[str, int, int], None]

POLL_SECONDS = 0.5


def follow(run: Run, progress: Progress) -> Run:
    """Return when the run has ended, however; a worker that died is noticed."""
    while not run.is_finished:
        progress(f"{run}: {run.step or run.get_status_display()}", run.done, run.total)
        time.sleep(POLL_SECONDS)
        Run.objects.reap()
        connection.close_if_unusable_or_obsolete()
        run.refresh_from_db()
    progress(f"{run}: {run.get_status_display()}", 1, 1)
    return run


def follow_all(run: Run, progress: Progress) -> list[Run]:
    """Follow a run and, one after the other, those it asked for when it ended."""
    return [follow(run, progress), *(follow(child, progress) for child in _asked_for(run))]


def work_through(run: Run, progress: Progress) -> list[Run]:
    """Do the work of a run in this process, and of those it asks for."""
    from .. import jobs

    work = {Run.Kind.TRAIN: jobs.train, Run.Kind.TRANSFER: jobs.transfer}[Run.Kind(run.kind)]
    work(run.pk, watch=progress)
    run.refresh_from_db()
    return [run, *(ended for child in _asked_for(run) for ended in work_through(child, progress))]


def _asked_for(run: Run) -> QuerySet[Run]:
    return Run.objects.filter(pk__in=run.report.get("asked_for", [])).order_by("pk")
