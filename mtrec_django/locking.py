"""Working alone and within a time limit: what every task goes through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connections, router

from .conf import get_config
from .exceptions import RunBusy, RunLate
from .models import Run, locks
from .models.locks import Lock


@contextmanager
def alone(lock: Lock) -> Iterator[None]:
    """Hold a lock of this database while something is done.

    Raises:
        RunBusy: at once, when another worker holds it.
    """
    using = router.db_for_write(Run)
    if not locks.take(lock, using=using):
        raise RunBusy("another worker is at it")
    try:
        yield
    finally:
        locks.release(lock, using=using)


@contextmanager
def in_turn(lock: Lock, waiting: Lock) -> Iterator[None]:
    """Of many copies one works and one waits, to see what came in meanwhile; the others end at once.

    Raises:
        RunBusy: when one waits already.
    """
    using = router.db_for_write(Run)
    with alone(waiting):
        locks.wait(lock, using=using)
    try:
        yield
    finally:
        locks.release(lock, using=using)


@contextmanager
def limited(setting: str) -> Iterator[None]:
    """Where Celery's soft time limit strikes, end this session of the database with whatever it was at.

    Raises:
        RunLate: instead of Celery's exception.
    """
    using = router.db_for_write(Run)
    session = _session(using)
    try:
        yield
    except SoftTimeLimitExceeded as error:
        _end(using, session)
        seconds = getattr(get_config(), setting)
        raise RunLate(f"It took longer than {seconds} seconds, the limit MTREC[{setting!r}].") from error


def _session(using: str) -> Any:
    with connections[using].cursor() as cursor:
        cursor.execute("select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()")
        return cursor.fetchone()


def _end(using: str, session: Any) -> None:
    """A statement that nobody waits for any more would go on, and its locks with it."""
    connections[using].close()
    with connections[using].cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where (pid, backend_start) = (%s, %s)",
            session,
        )
