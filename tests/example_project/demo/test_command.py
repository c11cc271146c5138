"""The command's refusals; that it works is proven by running it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from example_project.demo.conditions import NEEDED
from example_project.demo.state import only_demo
from example_project.environment import ROOT


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env=environment | {"MTREC_DEMO_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_busy_port_is_one_clear_line_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        answer = run_demo(tmp_path, "--port", port)

    assert answer.returncode == 1
    assert answer.stderr.splitlines() == [
        f"CommandError: Port {port} is taken: stop what uses it, or choose another with --port."
    ]
    assert not (tmp_path / "pgdata").exists()


def test_a_second_demo_is_one_clear_line(tmp_path: Path) -> None:
    with only_demo(tmp_path):
        answer = run_demo(tmp_path)

    assert answer.returncode == 1
    assert answer.stderr.startswith("CommandError: A demo is running already (process ")
    assert len(answer.stderr.splitlines()) == 1


def test_a_reset_wipes_what_it_finds_when_told_so(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("old")
    (tmp_path / "pgdata").mkdir()

    refused = run_demo(tmp_path, "--reset")
    kept = (tmp_path / "web.log").exists()
    done = run_demo(tmp_path, "--reset", "--yes")

    assert (refused.returncode, done.returncode) == (1, 0)
    assert kept
    assert {path.name for path in tmp_path.iterdir()} == {"lock"}


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import shutil\nfrom collections import namedtuple\n"
        f"shutil.disk_usage = lambda path: namedtuple('Usage', 'total used free')(0, 0, {NEEDED} - 1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    answer = run_demo(tmp_path / "demo", "--port", port)

    assert answer.returncode == 1
    assert answer.stderr.startswith("CommandError: The disk is nearly full")
    assert len(answer.stderr.splitlines()) == 1
