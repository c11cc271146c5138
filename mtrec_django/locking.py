"""Working alone and within a time limit: what every task goes through."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connections, router
from django.utils.translation import gettext

from .conf import get_config
from .exceptions import RunBusy, RunLate
from .models import Run, locks
from .models.locks import LOCK_SPACE, Lock

PAUSE_SECONDS = 5.0
"""Between two strikes of a limit: one that meets a finalizer is swallowed by it."""


UNTIMED = ("thread", "gevent", "eventlet")
"""In the names of the pools of workers whose tasks are in no main thread, where no signal ends them."""


def untimed(pool: str) -> bool:
    """Whether tasks of a pool of Celery have no time limit; by its name, or by its module and class."""
    return any(word in pool for word in UNTIMED)


@contextmanager
def alone(lock: Lock) -> Iterator[None]:
    """Hold a lock of this database while something is done.

    Raises:
        RunBusy: at once, when another worker holds it.
    """
    using = router.db_for_write(Run)
    if not locks.take(lock, using=using):
        raise RunBusy("another worker is at it")
    with released(lock, using=using):
        yield


@contextmanager
def in_turn(lock: Lock, waiting: Lock) -> Iterator[None]:
    """Of many copies one works and one waits, to see what came in meanwhile; the others end at once.

    Raises:
        RunBusy: when one waits already.
    """
    using = router.db_for_write(Run)
    with alone(waiting):
        locks.wait(lock, using=using)
    with released(lock, using=using):
        yield


@contextmanager
def released(number: int, *, using: str, space: int = LOCK_SPACE) -> Iterator[None]:
    """Let a lock go that was taken, whatever comes."""
    try:
        yield
    except SoftTimeLimitExceeded:
        raise  # in the midst of a statement nothing can be asked for; `limited` ends the session, and its locks with it
    except BaseException:
        locks.release(number, using=using, space=space)
        raise
    locks.release(number, using=using, space=space)


@contextmanager
def limited(setting: str) -> Iterator[None]:
    """After as many seconds as a setting says, end this session of the database with whatever it was at.

    The clock runs where a task is in the main thread of its process, as in the pools prefork and solo. Celery's own
    soft limit, where a site sets one, is met in the same way.

    Raises:
        RunLate: when the time is over.
    """
    using = router.db_for_write(Run)
    session, seconds = _session(using), getattr(get_config(), setting)
    try:
        with _alarm(seconds):
            yield
    except SoftTimeLimitExceeded as error:
        _end(using, session)
        words = {"seconds": seconds, "setting": f'MTREC["{setting}"]'}
        raise RunLate(gettext("It took longer than %(seconds)d seconds, the limit %(setting)s.") % words) from error


@contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """Raise Celery's exception when the time is over: itself it watches single tasks not over every broker."""
    if not seconds or not hasattr(signal, "SIGALRM") or current_thread() is not main_thread():
        yield
        return

    def strike(*args: object) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, strike)
    left, _interval = signal.setitimer(signal.ITIMER_REAL, seconds, PAUSE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


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
