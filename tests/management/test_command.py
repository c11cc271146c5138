"""A database that is down, or not migrated, is said in words."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError

from mtrec_django.management.commands import mtrec_status


@pytest.mark.parametrize(
    ("error", "cause", "message"),
    [
        (OperationalError("connection refused"), None, "connection refused\nIs it running"),
        (ProgrammingError("no such table"), psycopg.errors.UndefinedTable(), "manage.py migrate"),
        (ProgrammingError("no such column"), psycopg.errors.UndefinedColumn(), "manage.py migrate"),
    ],
)
def test_a_command_says_what_is_wrong_with_the_database(
    monkeypatch: pytest.MonkeyPatch, error: Exception, cause: Exception | None, message: str
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise error from cause

    monkeypatch.setattr(mtrec_status.Command, "handle", fail)
    with pytest.raises(CommandError, match=message):
        call_command("mtrec_status")


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise ProgrammingError("syntax error") from psycopg.errors.SyntaxError()

    monkeypatch.setattr(mtrec_status.Command, "handle", fail)
    with pytest.raises(ProgrammingError):
        call_command("mtrec_status")
