from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from example_project.demo.processes import Child, Children, Kept, stop_leftovers, wait_until
from example_project.demo.state import DemoError, State

LONG = ["timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)"]


def child(folder: Path, arguments: list[str] = LONG) -> Child:
    return Child("sleeper", arguments, folder / "sleeper.log", {}, grace=2)


def test_what_was_started_is_stopped(tmp_path: Path) -> None:
    state, sleeper = State(tmp_path), child(tmp_path)
    children = Children(state, lambda text: None)

    children.start(sleeper)
    pid = state["children"]["sleeper"]["pid"]
    assert psutil.pid_exists(pid)
    children.stop()

    assert not sleeper.is_alive
    assert not psutil.pid_exists(pid)
    assert state["children"] == {}


def test_what_was_killed_is_started_again(tmp_path: Path) -> None:
    told, said = [], threading.Event()
    state, sleeper = State(tmp_path), child(tmp_path)
    children = Children(state, lambda text: (told.append(text), said.set()))
    children.start(sleeper)
    first = state["children"]["sleeper"]["pid"]

    psutil.Process(first).kill()

    assert said.wait(10)
    children.stop()
    assert "died and is started again" in told[0]


def test_the_leftovers_of_a_killed_demo_are_stopped_and_nothing_else(tmp_path: Path) -> None:
    state, left, other = State(tmp_path), child(tmp_path), child(tmp_path)
    kept, stranger = left.start(), other.start()
    reused = Kept(pid=stranger["pid"], created=stranger["created"] - 100)
    state.set(children={"worker": kept, "web server": reused, "gone": Kept(pid=2**22 - 1, created=1.0)})

    assert stop_leftovers(state) == ["worker"]

    assert left.process is not None and left.process.wait(5) is not None
    assert other.is_alive
    other.process.kill()  # type: ignore[union-attr]
    other.process.wait()  # type: ignore[union-attr]


def test_a_process_that_never_answers_is_told_with_its_last_words(tmp_path: Path) -> None:
    dead = child(tmp_path, ["no_such_module_at_all"])
    dead.start()
    dead.process.wait()  # type: ignore[union-attr]

    with pytest.raises(DemoError, match=r"sleeper does not answer: .*No module named no_such_module_at_all"):
        wait_until(lambda: False, dead, 0)
