"""Watch runs from a terminal: the worker writes its progress to the database, this reads it."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import connection

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
    done = [follow(run, progress)]
    for child in Run.objects.filter(pk__in=run.report.get("asked_for", [])).order_by("pk"):
        done.append(follow(child, progress))
    return done
