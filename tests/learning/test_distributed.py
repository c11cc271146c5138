"""Two processes train as one does: the same weights in both, and as good."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.distributed import World, told, world

SCRIPT = Path(__file__).with_name("trained_together.py")
ROOT = Path(__file__).parents[2]


def test_alone_there_is_one_process() -> None:
    assert world() == World(0, 1)
    assert told(lambda: 2.5) == 2.5
    assert World().share([1, 2, 3]) == [1, 2, 3]


def test_shares_are_of_one_size_and_meet_every_batch() -> None:
    batches = list(range(7))
    shares = [World(rank, 3).share(batches) for rank in range(3)]
    assert {len(share) for share in shares} == {2}
    assert sorted(batch for share in shares for batch in share) == batches[:6]
    assert [World(rank, 3).share([1, 2]) for rank in range(3)] == [[1, 2]] * 3


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def of_both(different: str = "") -> list[dict[str, Any]]:
    """What both processes print at their ends."""
    port, environment = str(free_port()), {**os.environ, "PYTHONPATH": str(ROOT), "DIFFERENT": different}
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    return [json.loads(process.communicate(timeout=300)[0].splitlines()[-1]) for process in processes]


@pytest.mark.slow
def test_two_processes_reach_what_one_reaches(trained: Trained) -> None:
    first, second = of_both()
    assert first == second
    alone = trained.report["metrics"]["home"]
    assert first["network"] > 0.95 * alone["network"]["ndcg@10"]
    assert first["ours"] > 0.95 * alone["ours"]["ndcg@10"]
    np.testing.assert_allclose(first["norm"], 1, atol=1e-3)


@pytest.mark.slow
def test_processes_that_read_different_data_do_not_train() -> None:
    assert [told["error"] for told in of_both(different="yes")] == ["ValueError", "ValueError"]
