"""The same items, likes and exclusions asked of django-neural-feed 1.1.0 and of us, in turns; medians of each.

    python -m tests.benchmarks.neural_feed [--items 50000] [--likes 60000] [--requests 100] [--json FILE]

Theirs is set up as its README says, once without and once with its HNSW settings, in a virtual environment that this
script makes. Vectors are 384 wide there, its default, and 64 here, ours, around the same clusters.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from . import serving_catalogue
from .serving_catalogue import Catalogue

PACKAGES = ["django-neural-feed==1.1.0", "celery>=5.3", "psycopg[binary]>=3.2"]
WIDTH = 384
LIMIT = 20
PER_USER = 30


class Theirs:
    """Their site in its own process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, name: Literal["plain", "hnsw"], at: int) -> tuple[float, int]:
        """Milliseconds and rows of one feed."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name} {at}\n")
        self.process.stdin.flush()
        spent, rows = self.line().split()
        return float(spent), int(rows)

    def line(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        if not (line := self.process.stdout.readline()):
            raise ChildProcessError("their site ended")
        return line


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--likes", type=int, default=60_000)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with serving_catalogue.database() as uri, tempfile.TemporaryDirectory() as folder:
        shop = Catalogue(given.items, given.likes // PER_USER)
        shop.fill()
        shop.publish()
        likes = like(shop)
        wide = np.random.default_rng(2).normal(size=(shop.vectors.shape[1], WIDTH)).astype(np.float32)
        vectors = shop.vectors @ wide
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        np.savez(Path(folder) / "data.npz", vectors=vectors, likes=likes)
        with site(Path(folder), uri) as theirs:
            found = measure(shop, theirs, given.requests)
    for row in found:
        print(f"{row['name']:32} {row['value']:12.3f} {row['unit']}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


def like(shop: Catalogue) -> Any:
    """Every user likes items of one cluster; stored as our events, and returned as (user, item). [likes, 2]"""
    from django.db import connection

    from mtrec_django.models import Feedback, Scenario, Visitor

    Scenario.objects.update(exclude=["like"])
    shop.visitors = Visitor.objects.bulk_create([Visitor() for _ in range(shop.visitor_count)])
    pairs = []
    for at in range(shop.visitor_count):
        rows = (shop.rng.integers(0, shop.count) + shop.rng.choice(300, PER_USER, replace=False)) % shop.count
        pairs += [(at, int(shop.order[row])) for row in rows]
    Feedback.objects.bulk_create(
        [Feedback(visitor=shop.visitors[who], item_id=int(shop.ids[what]), kind="like") for who, what in pairs],
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze")
    return np.array(pairs)


@contextmanager
def site(folder: Path, uri: str) -> Iterator[Theirs]:
    """Their packages installed, their database filled, their site waiting."""
    from django.db import connection

    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    python = str(folder / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    with connection.cursor() as cursor:
        cursor.execute("create database neural_feed")
    settings = connection.settings_dict
    command = [python, "-m", "neural_feed_site.serve", settings["HOST"], settings["USER"], str(folder / "data.npz")]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    try:
        theirs = Theirs(process)
        theirs.line()
        yield theirs
    finally:
        process.terminate()
        process.wait(30)


def measure(shop: Catalogue, theirs: Theirs, requests: int) -> list[dict[str, Any]]:
    """Medians, each user asked of all three in turn."""
    from mtrec_django.serving.recommender import recommend_for

    spent: dict[str, list[float]] = {"ours": [], "plain": [], "hnsw": []}
    rows = dict.fromkeys(spent, LIMIT)
    for at in range(-5, requests):
        visitor = shop.visitors[at % len(shop.visitors)]
        mark = time.perf_counter()
        answer = recommend_for(visitor, "bench", LIMIT)
        told = {"ours": (1000 * (time.perf_counter() - mark), len(answer))}
        told |= {"plain": theirs.ask("plain", at % len(shop.visitors)), "hnsw": theirs.ask("hnsw", at)}
        for name, (milliseconds, count) in told.items():
            if at >= 0:
                spent[name].append(milliseconds)
                rows[name] = min(rows[name], count)
    ours = statistics.median(spent["ours"])
    found = []
    for name, milliseconds in spent.items():
        label = "recommend" if name == "ours" else f"neural_feed_{name}"
        found.append({"name": f"{label}_ms_p50", "value": round(statistics.median(milliseconds), 4), "unit": "ms"})
        found.append({"name": f"{label}_fewest_rows", "value": rows[name], "unit": f"of {LIMIT}"})
        if name != "ours":
            ratio = round(statistics.median(milliseconds) / ours, 3)
            found.append({"name": f"{label}_ratio", "value": ratio, "unit": "x ours"})
    return found


if __name__ == "__main__":
    main()
