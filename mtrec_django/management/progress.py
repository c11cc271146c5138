"""Progress bars of the commands, with the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Report = Callable[[str, int, int], None]
"""`(step, done, total)`; a total of 0 is unknown."""


def console_for(stdout: Any) -> Console:
    """A rich console on a command's `self.stdout`."""
    return Console(file=getattr(stdout, "_out", stdout))  # Django's wrapper ends every write with a newline


@contextmanager
def progress_bar(stdout: Any, disable: bool = False) -> Iterator[Report]:
    """A bar for each step, in the order in which they are first reported.

    `with progress_bar(self.stdout) as report: report("Reading", 10, 200)`. Where the output is no terminal, each step
    leaves one line at its end.
    """
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console_for(stdout),
        disable=disable,
    )
    steps: dict[str, TaskID] = {}

    def report(step: str, done: int, total: int) -> None:
        if step not in steps:
            for earlier in steps.values():
                _finish(bars, earlier)
            steps[step] = bars.add_task(step, total=total or None)
        bars.update(steps[step], completed=done, total=total or None)

    with bars:
        yield report
        for last in steps.values():
            _finish(bars, last)


def _finish(bars: Progress, step: TaskID) -> None:
    """A step of unknown length is as long as it came to be; its bar stops."""
    task = bars.tasks[step]
    bars.update(step, total=task.total if task.total is not None else task.completed)
    bars.stop_task(step)
