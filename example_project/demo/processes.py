"""Worker and web server: started in sessions of their own, looked after, and always stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import psutil

from ..environment import ROOT
from .state import DemoError, State


class Kept(TypedDict):
    """What is written down of a process: enough to know it again."""

    pid: int
    created: float


class Child:
    """One process of the demo and all that it starts itself."""

    def __init__(self, name: str, arguments: list[str], log: Path, environment: dict[str, str], grace: float) -> None:
        self.name = name
        self.arguments = arguments
        self.log = log
        self.environment = environment
        self.grace = grace
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Kept:
        """Start it, with its output in its log file."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                cwd=ROOT,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo alone, which then stops the rest in order
            )
        return Kept(pid=self.process.pid, created=psutil.Process(self.process.pid).create_time())

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1][:300] if lines else "nothing in its log"


class Children:
    """The processes of one demo."""

    def __init__(self, state: State, tell: Callable[[str], None]) -> None:
        self.state = state
        self.tell = tell
        self.running: list[Child] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._look_after, daemon=True, name="look-after").start()

    def start(self, child: Child) -> None:
        """Start a process and look after it from now on."""
        with self._lock:
            self.running.append(child)  # first: whoever is interrupted while it starts must stop it as well
            self._start(child)

    def _start(self, child: Child) -> None:
        kept = child.start()
        self.state.set(children=self.state.get("children", {}) | {child.name: kept})

    def _look_after(self) -> None:
        """Start again what was killed; what dies at once three times is left dead."""
        deaths: dict[str, list[float]] = {}
        while not self.stopping.wait(0.5):
            with self._lock:
                for child in [child for child in self.running if not child.is_alive]:
                    _signal_group(child.process, signal.SIGKILL, group=True)  # what it has left would work on unseen
                    recent = [at for at in deaths.get(child.name, []) if time.monotonic() - at < 30]
                    deaths[child.name] = [*recent, time.monotonic()]
                    if len(recent) >= 3:
                        self.running.remove(child)
                        self.tell(f"The {child.name} keeps dying: {child.last_words()} ({child.log})")
                    else:
                        self.tell(f"The {child.name} died and is started again; its log: {child.log}")
                        self._start(child)

    def stop(self) -> None:
        """Stop all: ask, wait, then end their whole groups."""
        self.stopping.set()
        with self._lock:
            for child in self.running:
                _signal_group(child.process, signal.SIGTERM, group=False)
            for child in self.running:
                _wait(child)
                _signal_group(child.process, signal.SIGKILL, group=True)
                if child.process is not None:
                    child.process.wait()
            self.running.clear()
        self.state.set(children={})


def _wait(child: Child) -> None:
    if child.process is not None:
        try:
            child.process.wait(timeout=child.grace)
        except subprocess.TimeoutExpired:
            return


def _signal_group(process: subprocess.Popen[bytes] | None, number: int, *, group: bool) -> None:
    if process is None:
        return
    try:
        if group:
            os.killpg(process.pid, number)  # a session leader's group bears its number, also after its death
        elif process.poll() is None:
            process.send_signal(number)
    except ProcessLookupError:
        return


def stop_leftovers(state: State) -> list[str]:
    """End what a killed demo has left running; gives the names. A number that went to another process is let be."""
    stopped = []
    for name, kept in state.get("children", {}).items():
        try:
            process = psutil.Process(kept["pid"])
            if abs(process.create_time() - kept["created"]) > 1:
                continue
            family = [process, *process.children(recursive=True)]
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
        except psutil.NoSuchProcess:
            continue
        process.terminate()
        _, alive = psutil.wait_procs(family, timeout=5)
        for member in alive:
            member.kill()
        psutil.wait_procs(alive, timeout=5)
        stopped.append(name)
    state.set(children={})
    return stopped


def web_server(state: State, host: str, port: int, threads: int) -> Child:
    """Gunicorn with threads: one process, so that a published version is known everywhere at once."""
    arguments = [
        "gunicorn",
        "example_project.wsgi",
        "--bind",
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "--workers",
        "1",
    ]
    arguments += ["--threads", str(threads), "--no-control-socket", "--graceful-timeout", "3"]
    hosts = f"localhost,127.0.0.1,[::1],{host}"
    environment = _environment(state) | {"DJANGO_ALLOWED_HOSTS": "*" if host in {"0.0.0.0", "::"} else hosts}  # noqa: S104
    return Child("web server", arguments, state.folder / "web.log", environment, grace=5)


def worker(state: State) -> Child:
    """A Celery worker for one task at a time, with the schedule built in. A training cut off is marked as failed."""
    arguments = ["celery", "--app", "example_project", "worker", "--beat", "--concurrency", "1"]
    arguments += ["--schedule", str(state.folder / "beat"), "--queues", "mtrec,celery", "--loglevel", "INFO"]
    arguments += ["--without-gossip", "--without-mingle", "--hostname", "demo@%h"]
    return Child("worker", arguments, state.folder / "worker.log", _environment(state), grace=8)


def _environment(state: State) -> dict[str, str]:
    return {
        "DATABASE_URL": state["database_url"],
        "DJANGO_SECRET_KEY": state["secret_key"],
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "PYTHONUNBUFFERED": "1",
    }


def wait_until(ready: Callable[[], bool], child: Child, seconds: float) -> None:
    """Wait until a process answers.

    Raises:
        DemoError: when it died or took too long.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise DemoError(f"The {child.name} does not answer: {child.last_words()} ({child.log})")
        time.sleep(0.2)
