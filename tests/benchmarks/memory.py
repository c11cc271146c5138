"""What a training needs of memory and time as events grow: made-up events on disk, each size in a process of its own.

python -m tests.benchmarks.memory EVENTS ITEMS THREADS          one size, in this process; prints JSON
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from mtrec_django.columns import Columns
from mtrec_django.dataset import Dataset, Events, Goal, Items, Users
from mtrec_django.learning.pretrain import fit
from mtrec_django.learning.settings import Settings

GIB = 2**30
MILLION = 1_000_000
WIDTH = 384
"""Of the made-up text vectors, as MiniLM's."""
TASTES = 200
PER_USER = 20
YEAR = 365 * 86_400
START = 1_600_000_000


def measure_memory(events: int, items: int, threads: int) -> dict[str, Any]:
    """A tenth, three tenths and all of the events, over as large a share of the items; what a million costs of each."""
    rows = []
    for share in (0.1, 0.3, 1.0):
        sizes = [str(int(share * events)), str(int(share * items)), str(threads)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.memory", *sizes], check=True, stdout=subprocess.PIPE, text=True
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    first, last = rows[0]["seconds a million events"], rows[-1]["seconds a million events"]
    return {"rows": rows, "ratios": {"cost of an event, largest : smallest": last / first}}


def synthetic(count: int, items: int, *, seed: int = 0) -> Dataset:
    """Visitors of one taste each meet items of that taste, popular ones more often; texts tell the taste."""
    users = max(1, count // PER_USER)
    rng = np.random.default_rng(seed)
    with Events.columns() as columns:
        for first in range(0, users, 50_000):
            columns.append(**_events(rng, first, min(first + 50_000, users), items))
        events = Events(**columns.arrays())
    catalogue = Items(np.arange(items), _content(rng, items))
    return Dataset(
        items=catalogue,
        users=Users(np.arange(users)),
        events=events,
        kinds=["view"],
        goals=[Goal("home", {"view": 1.0})],
        catalogue=np.ones((1, items), bool),
    )


def _events(rng: np.random.Generator, first: int, last: int, items: int) -> dict[str, np.ndarray]:
    user = np.repeat(np.arange(first, last, dtype=np.int32), PER_USER)
    of_taste = items // TASTES
    rank = (of_taste * rng.random(len(user)) ** 3).astype(np.int32)  # the first of a taste are its popular ones
    time = START + np.sort(rng.integers(0, YEAR, (last - first, PER_USER)), axis=1).ravel()
    return {
        "user": user,
        "item": rank * TASTES + (user * 7919) % TASTES,
        "kind": np.zeros_like(user),
        "scenario": np.zeros_like(user),
        "value": np.full(len(user), np.nan, np.float32),
        "time": time,
    }


def _content(rng: np.random.Generator, items: int) -> np.ndarray:
    tastes = rng.standard_normal((TASTES, WIDTH)).astype(np.float32)
    with Columns(content=(np.float16, (WIDTH,))) as columns:
        for first in range(0, items, 20_000):
            item = np.arange(first, min(first + 20_000, items))
            columns.append(content=tastes[item % TASTES] + rng.standard_normal((len(item), WIDTH), np.float32))
        return columns.arrays()["content"]


class Peaks:
    """The most resident memory in each step of a run, looked at ten times a second."""

    def __init__(self) -> None:
        self.step = "make data"
        self.peaks: dict[str, float] = {}
        self.over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def __call__(self, step: str, done: int, total: int) -> None:
        self.step = step

    def _watch(self) -> None:
        while not self.over.wait(0.1):
            self.peaks[self.step] = max(self.peaks.get(self.step, 0), round(resident() / GIB, 2))


def resident() -> int:
    """Bytes of this process that are in memory now."""
    for line in _status():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _status() -> Iterator[str]:
    with open("/proc/self/status") as lines:
        yield from lines


def main() -> None:
    events, items, threads, *epochs = map(int, sys.argv[1:])
    peaks = Peaks()
    before = resident()
    dataset = synthetic(events, items)
    started = time.perf_counter()
    trained = fit(
        dataset, settings=Settings(threads=threads, epochs=epochs[0] if epochs else Settings().epochs), progress=peaks
    )
    seconds = time.perf_counter() - started
    peaks.over.set()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    report = {
        "events": events,
        "items": items,
        "seconds": round(seconds, 1),
        "seconds a million events": round(seconds * MILLION / events, 2),
        "peak GiB": round(peak / GIB, 2),
        "before any data GiB": round(before / GIB, 2),
        "bytes an event": round((peak - before) / events),
        "by step, seconds": trained.report["seconds"],
        "by step, GiB": peaks.peaks,
        "ndcg@10": trained.report["metrics"]["home"]["ours"]["ndcg@10"],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
