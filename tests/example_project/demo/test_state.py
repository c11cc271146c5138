from __future__ import annotations

import stat
from pathlib import Path

import pytest

from example_project.demo.state import DemoError, State, only_demo


def test_what_is_written_down_is_found_again_by_its_owner_alone(tmp_path: Path) -> None:
    State(tmp_path).set(database_url="postgresql://x")

    assert State(tmp_path)["database_url"] == "postgresql://x"
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600


def test_secrets_are_made_once(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.make_secrets()
    password = state["admin_password"]

    again = State(tmp_path)
    again.make_secrets()

    assert again["admin_password"] == password
    assert len(again["secret_key"]) > 40


def test_a_second_demo_is_refused_and_the_lock_goes_with_the_first(tmp_path: Path) -> None:
    with only_demo(tmp_path), pytest.raises(DemoError, match=r"running already \(process \d+\)"), only_demo(tmp_path):
        pass

    with only_demo(tmp_path):
        assert (tmp_path / "lock").exists()
