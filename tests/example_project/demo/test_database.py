from __future__ import annotations

import os
from pathlib import Path

import pytest

from example_project.demo.database import Database, data_size
from example_project.demo.state import State


@pytest.mark.parametrize("text", [str(os.getpid()), "0", "-5", "", "not a number", str(2**22 - 1)])
def test_a_number_that_is_no_postgres_is_forgotten(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "pgdata"
    folder.mkdir()
    (folder / "postmaster.pid").write_text(f"{text}\n/somewhere\n")
    (folder / ".handle_pids.json").write_text("[1]")

    Database(State(tmp_path))._forget_the_dead()

    assert list(folder.iterdir()) == []


def test_stopping_what_was_never_started_is_nothing(tmp_path: Path) -> None:
    Database(State(tmp_path)).stop()


def test_size_counts_files_not_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    assert data_size(tmp_path) == 5
