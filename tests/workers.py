"""Real Celery workers on the test's own database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from example_project.celery import app

ROOT = Path(__file__).parent.parent
PATIENCE = 90  # seconds


def database_url() -> str:
    settings = connection.settings_dict
    return f"postgresql://{settings['USER']}@/{settings['NAME']}?host={quote(settings['HOST'], safe='')}"


@contextmanager
def worker(log: Path, settings: str, url: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A worker process with its children in a session of their own; with the database as its broker, or another."""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": settings, "DATABASE_URL": database_url(), "OMP_NUM_THREADS": "1"}
    env |= {"CELERY_BROKER_URL": url} if url else {}
    arguments = ["celery", "-A", "example_project", "worker", "-Q", "mtrec", "-c", "1", "-l", "INFO"]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the worker and all its children: nothing of it can tidy up."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], bool], log: Path) -> None:
    """Look until it is so."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.1)


@contextmanager
def broker(url: str) -> Iterator[None]:
    """Queue at this address for a while."""
    before = app.conf.broker_url
    app.conf.broker_url = url
    app.conf.broker_write_url = app.conf.broker_read_url = url
    try:
        yield
    finally:
        app.conf.broker_url = app.conf.broker_write_url = app.conf.broker_read_url = before
