"""Start the whole example: database, shop data, worker, training, web server."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from rich.panel import Panel

from example_project.demo import steps
from example_project.demo.conditions import NEEDED, NEEDED_AGAIN, check_port, check_space, is_disk_full
from example_project.demo.database import Database, data_size, keep_the_log_short, use_database
from example_project.demo.processes import Children, stop_leftovers, wait_until, web_server, worker
from example_project.demo.state import DemoError, State, only_demo
from example_project.environment import DEMO
from example_project.shop.loading import is_loaded
from mtrec_django.management.progress import console_for


class Command(BaseCommand):
    """`demo`: from nothing to a shop that recommends; again, and it goes on where it was."""

    help = (
        "Starts an embedded Postgres, fills the example shop, trains in a Celery worker and serves the shop. "
        "Ctrl-C stops all of it; the next start goes on where this one was."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the shop answers (8000)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--threads", type=int, default=8, help="threads of the web server (8)")
        parser.add_argument("--reset", action="store_true", help="wipe what an earlier demo has left, and stop")
        parser.add_argument("--yes", action="store_true", help="do not ask before a reset")
        parser.add_argument("--exit-when-ready", action="store_true", help="stop once everything works, for CI")

    def handle(self, *args: Any, **options: Any) -> None:
        self.console = console_for(self.stdout)
        try:
            DEMO.mkdir(exist_ok=True)
            with only_demo(DEMO), _stopped_by_signals():
                self._reset(options["yes"]) if options["reset"] else self._demo(options)
        except DemoError as error:
            raise CommandError(str(error)) from error
        except (OSError, DatabaseError) as error:
            if is_disk_full(error):
                raise CommandError(f"The disk is full: make room below {DEMO} and start again, it goes on.") from error
            raise CommandError(f"{type(error).__name__}: {error}".strip().replace("\n", " ")) from error
        except KeyboardInterrupt:
            if options["exit_when_ready"]:
                raise CommandError("Stopped before everything was ready.", returncode=130) from None
            self.console.print("Stopped. The next start goes on from here.")

    def _reset(self, yes: bool) -> None:
        state = State()
        if not yes and not self._is_sure():
            raise DemoError("Nothing was wiped.")
        stop_leftovers(state)
        Database(state).stop()
        for path in DEMO.iterdir():
            if path.name != "lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.console.print(f"Wiped {DEMO}. The next start begins from nothing.")

    def _is_sure(self) -> bool:
        try:
            answer = input(
                f"This wipes {DEMO} ({data_size(DEMO) / 1e6:,.0f} MB): orders, clicks, versions. Sure? [y/N] "
            )
        except EOFError:  # nobody there to ask
            return False
        return answer.strip().lower() in {"y", "yes"}

    def _demo(self, options: dict[str, Any]) -> None:
        state = State()
        if left := stop_leftovers(state):
            self.console.print(f"An earlier demo was killed; stopped its {' and '.join(left)}.")
        check_port(options["host"], options["port"])
        check_space(DEMO, NEEDED_AGAIN if state.get("initialised") else NEEDED)
        state.make_secrets()
        database, children = Database(state), Children(state, self._warn)
        try:
            self._run(state, database, children, options)
        finally:
            with _deaf_to_signals(), ExitStack() as stack:  # all of it, also when the terminal is gone
                stack.callback(database.stop)
                stack.callback(children.stop)
                self.console.print("Stopping …")

    def _run(self, state: State, database: Database, children: Children, options: dict[str, Any]) -> None:
        began = time.monotonic()
        with self._step("Start Postgres"):
            use_database(database.start())
            keep_the_log_short()
        with self._step("Migrate"):
            call_command("migrate", verbosity=0, interactive=False)
        self._do(steps.Step("Fill the shop", is_loaded, lambda: steps.fill_shop(self.stdout)))
        steps.make_admin(state["admin_password"])
        self._do(steps.Step("Sync the catalogue", steps.is_synced, lambda: call_command("mtrec_sync", "--no-encode")))
        shop = _address(options["host"], options["port"])
        with self._step("Start the web server"):
            web = web_server(state, options["host"], options["port"], options["threads"])
            children.start(web)
            wait_until(lambda: bool(steps.fetch(shop)), web, 60)
        meanwhile = "" if steps.is_trained() else ", and shows what is popular until the training is done"
        self.console.print(f"  The shop answers at [bold]{shop}[/]{meanwhile}.")
        children.start(worker(state))
        steps.encode_meanwhile()
        self._do(steps.Step("Import its history", steps.is_imported, steps.import_history))
        self._train(options["exit_when_ready"])
        self._tell(shop, state, time.monotonic() - began)
        if options["exit_when_ready"]:
            if not steps.recommends(steps.fetch(shop)):
                raise DemoError(f"The home page shows no recommendations; see {DEMO / 'web.log'}")
            self.console.print("Ready: the home page was fetched, and it recommends.")
        else:
            threading.Event().wait()

    def _do(self, step: steps.Step) -> None:
        if step.is_done():
            self.console.print(f"[green]✓[/] {step.title}: done before")
            return
        with self._step(step.title):
            step.run()

    def _train(self, strict: bool) -> None:
        """A training that fails leaves a shop that works; only a caller who waits for it is told by an error."""
        try:
            self._do(steps.Step("Train", steps.is_trained, steps.train))
        except CommandError as error:
            if strict:
                raise DemoError(f"The training failed: {error} ({DEMO / 'worker.log'})") from error
            self._warn(f"The training failed: {error}. The shop goes on without it; ask again in the admin.")

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self.console.print(f"[bold]{title}[/] …")
        began = time.monotonic()
        yield
        self.console.print(f"[green]✓[/] {title}: {time.monotonic() - began:.1f} s")

    def _warn(self, text: str) -> None:
        self.console.print(f"[yellow]![/] {text}")

    def _tell(self, shop: str, state: State, seconds: float) -> None:
        lines = [
            f"Shop    [bold]{shop}[/]",
            f"Admin   [bold]{shop}admin/[/]   user [bold]{steps.ADMIN}[/], password [bold]{state['admin_password']}[/]",
            f"API     [bold]{shop}api/mtrec/schema/[/]",
            f"Logs    {_short(DEMO)}/web.log, {_short(DEMO)}/worker.log",
            "Sign in as one of the customers and watch the front page change. Ctrl-C stops everything.",
        ]
        self.console.print(Panel("\n".join(lines), title=f"Ready after {seconds:.0f} s", expand=False))


def _address(host: str, port: int) -> str:
    """Where a browser on this machine finds the shop."""
    everywhere = {"127.0.0.1": "localhost", "0.0.0.0": "localhost", "::": "localhost"}  # noqa: S104
    host = everywhere.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}/"


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal stop a demo as Ctrl-C does."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def _deaf_to_signals() -> Iterator[None]:
    """Impatience does not leave anything running."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
