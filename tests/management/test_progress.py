"""Bars on a terminal, lines elsewhere, nothing when nobody wants them."""

from __future__ import annotations

import io

from django.core.management.base import OutputWrapper

from mtrec_django.management.progress import console_for, progress_bar


def test_each_step_leaves_a_line() -> None:
    out = io.StringIO()
    with progress_bar(OutputWrapper(out)) as report:
        report("Reading", 10, 200)
        report("Reading", 200, 200)
        report("Writing", 7, 0)
        report("Writing", 9, 0)
    reading, writing = out.getvalue().strip().splitlines()
    assert "Reading" in reading
    assert "200/200" in reading
    assert "9/9" in writing


def test_disabled_it_writes_nothing() -> None:
    out = io.StringIO()
    with progress_bar(out, disable=True) as report:
        report("Reading", 10, 200)
    assert out.getvalue() == ""


def test_the_console_writes_where_the_command_does() -> None:
    out = io.StringIO()
    console_for(OutputWrapper(out)).print("a line", end="")
    assert out.getvalue() == "a line"
