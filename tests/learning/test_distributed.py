"""Two processes train as one does: the same weights in both, and as good."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
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


def of_both(**told: str) -> list[dict[str, Any]]:
    """What both processes print at their ends."""
    port, environment = str(free_port()), {**os.environ, "PYTHONPATH": str(ROOT), **told}
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
    assert [told["error"] for told in of_both(DIFFERENT="yes")] == ["ValueError", "ValueError"]


HOSTS = ("10.213.7.1", "10.213.7.2")


IP = shutil.which("ip") or ""


def ip(command: str, *, check: bool = True) -> None:
    subprocess.run([IP, *command.split()], check=check, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[list[list[str]]]:
    """Two network namespaces with a cable between them, each as the beginning of a command that runs in it."""
    if not IP:
        pytest.skip("iproute2 is not installed")
    names = [f"mtrec-{os.getpid()}-{end}" for end in "ab"]
    try:
        for name in names:
            ip(f"netns add {name}")
        ip(f"link add cable netns {names[0]} type veth peer name cable netns {names[1]}")
        for name, address in zip(names, HOSTS, strict=True):
            ip(f"-n {name} addr add {address}/24 dev cable")
            ip(f"-n {name} link set lo up")
            ip(f"-n {name} link set cable up")
        yield [[IP, "netns", "exec", name] for name in names]
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
    finally:
        for name in names:
            ip(f"netns del {name}", check=False)


@pytest.mark.slow
def test_two_hosts_reach_what_one_process_reaches(trained: Trained, hosts: list[list[str]]) -> None:
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "cable"}
    processes = [
        subprocess.Popen(
            [
                *(*host, sys.executable, "-m", "torch.distributed.run"),
                *("--nnodes", "2", "--node-rank", str(rank), "--nproc-per-node", "1"),
                *("--master-addr", HOSTS[0], "--master-port", "29500", str(SCRIPT)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        for rank, host in enumerate(hosts)
    ]
    first, second = (json.loads(one.communicate(timeout=300)[0].splitlines()[-1]) for one in processes)
    assert first == second
    assert first["network"] > 0.95 * trained.report["metrics"]["home"]["network"]["ndcg@10"]


@pytest.mark.slow
def test_two_processes_go_on_where_they_were_killed(tmp_path: Path) -> None:
    keeper = tmp_path / "checkpoint"
    assert [told["error"] for told in of_both(KEEPER=str(keeper), KILLED="yes")] == ["KeyboardInterrupt"] * 2
    first, second = of_both(KEEPER=str(keeper))
    assert first == second
    assert first["begun at"] >= 2  # the first epoch was not run again
