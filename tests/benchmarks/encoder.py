"""What a query vector costs in the web process, and whether it is the one that the worker's network gives.

    python -m tests.benchmarks.encoder [--events 50] [--json FILE]

One thread. The weights are random everywhere, also where training begins at zero; the artifact goes through bytes, as
from the database.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtrec_django.inference.artifact import Artifact
from mtrec_django.inference.query import QueryEncoder, age_bucket
from mtrec_django.learning.network import QueryNetwork, Shape

KINDS = ["view", "cart", "purchase"]
DIM = 64
CALLS = 2000
COMPARED = 200


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--json")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    report = measured(options.events)
    print(json.dumps(report, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1))


def measured(events: int) -> dict[str, Any]:
    """Milliseconds of one call, and the largest difference to torch over many histories."""
    network = random_network()
    arrays = {f"query.{name}": tensor.numpy() for name, tensor in network.state_dict().items()}
    stored = Artifact("base", {"kinds": KINDS, "heads": 2, "length": 50, "id": "one"}, arrays).to_bytes()
    encoder = QueryEncoder.from_artifacts(Artifact.from_bytes(stored))
    histories = [history(1 + seed % events, seed) for seed in range(COMPARED)]
    apart = [np.abs(encoder.encode(*one) - by_torch(network, *one)).max() for one in histories]
    asked, laps = history(events, 0), []
    for _ in range(CALLS):
        started = time.perf_counter()
        encoder.encode(*asked)
        laps.append(1000 * (time.perf_counter() - started))
    return {
        "events": events,
        "median ms": round(float(np.median(laps)), 3),
        "p99 ms": round(float(np.quantile(laps, 0.99)), 3),
        "largest difference to the worker's": float(np.max(apart)),
    }


@torch.no_grad()
def random_network() -> QueryNetwork:
    torch.manual_seed(0)
    made = QueryNetwork(Shape(0, 1, len(KINDS), dim=DIM, against=(1,))).eval()
    for parameter in made.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def history(events: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Item vectors, kinds, ages in seconds and whether it happened here, most recent first."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((events, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, rng.integers(0, len(KINDS), events), rng.integers(0, 10**7, events), rng.random(events) < 0.5


@torch.no_grad()
def by_torch(
    network: QueryNetwork, vectors: np.ndarray, kinds: np.ndarray, ages: np.ndarray, here: np.ndarray
) -> np.ndarray:
    """The state after the newest event, unit length. [dim]"""
    count = len(vectors)
    turned = [torch.from_numpy(column[::-1].copy())[None] for column in (vectors, kinds)]
    moments = [torch.from_numpy(column[::-1].copy()).expand(1, count, count) for column in (age_bucket(ages), here)]
    state = network(*turned, *moments)[0, -1].numpy()
    return np.asarray(state / np.linalg.norm(state))


if __name__ == "__main__":
    main()
