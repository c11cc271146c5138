"""SQL put together from parts, and sent so that several statements are one round trip.

Knows nothing of recommendations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any

from django.db import DatabaseError, InterfaceError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

SAVEPOINT = "mtrec_read"

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of SQL with its parameters, in order."""

    text: str
    params: tuple[Any, ...] = ()


def compose(template: str, **parts: Any) -> Fragment:
    """Fill `{name}` of a template: a fragment goes in as SQL, anything else as a bound parameter."""
    text: list[str] = []
    params: list[Any] = []
    for literal, name in _pieces(template):
        text.append(literal)
        if name is None:
            continue
        part = parts[name]
        text.append(part.text if isinstance(part, Fragment) else "%s")
        params.extend(part.params if isinstance(part, Fragment) else [part])
    return Fragment("".join(text), tuple(params))


@cache
def _pieces(template: str) -> list[tuple[str, str | None]]:
    return [(literal, name) for literal, name, _format, _conversion in Formatter().parse(template)]


def longs(values: Iterable[int | None]) -> str:
    """Whole numbers as Postgres writes an array, to be cast: psycopg would look at each of them."""
    return "{" + ",".join("null" if value is None else str(value) for value in values) + "}"


def texts(values: Iterable[str]) -> str:
    """The same of texts."""
    escaped = (value.replace("\\", r"\\").replace('"', r"\"") for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"


def join(separator: str, fragments: Sequence[Fragment]) -> Fragment:
    """The fragments, one after the other."""
    params = [param for fragment in fragments for param in fragment.params]
    return Fragment(separator.join(fragment.text for fragment in fragments), tuple(params))


def read(
    statements: Sequence[Fragment], *, using: str, settings: Mapping[str, str | float] | None = None
) -> list[Rows]:
    """The rows of each statement, in one round trip where the driver can; statements may only read.

    `settings` hold for these statements alone. When a statement fails inside an atomic block of the caller, the block
    goes on: what is sent is wrapped in a savepoint, which takes no round trip of its own.

    Raises:
        DatabaseError: what Postgres said.
    """
    closing = [f"rollback to savepoint {SAVEPOINT}"]  # which takes the settings back too
    if not settings:
        return _send(list(statements), using, closing=closing)
    return _send([_local(settings), *statements], using, closing=closing)[1:]


def _local(settings: Mapping[str, str | float]) -> Fragment:
    """One statement for all settings, as each costs its own time."""
    parts = [compose("set_config({name}, {value}, true)", name=n, value=str(v)) for n, v in settings.items()]
    return compose("select {parts}", parts=join(", ", parts))


def write(*statements: Fragment, using: str) -> None:
    """Run statements that write, in one round trip; a caller's atomic block survives their failure, as in `read`."""
    _send(list(statements), using, closing=[])


def _send(statements: list[Fragment], using: str, *, closing: list[str]) -> list[Rows]:
    connection = connections[using]
    if connection.settings_dict["OPTIONS"].get("server_side_binding"):
        return _send_apart(statements, connection)
    guarded = connection.in_atomic_block or not connection.get_autocommit()
    if guarded:
        after = [Fragment(text) for text in (*closing, f"release savepoint {SAVEPOINT}")]
        statements = [Fragment(f"savepoint {SAVEPOINT}"), *statements, *after]
    sent = join(";\n", statements)
    with connection.cursor() as cursor:
        try:
            cursor.execute(sent.text, sent.params)
            return _results(cursor)
        except DatabaseError:
            if guarded:
                with suppress(DatabaseError, InterfaceError):  # where even this fails, the first error says why
                    cursor.execute(f"rollback to savepoint {SAVEPOINT}")
            raise


def _results(cursor: CursorWrapper) -> list[Rows]:
    results = []
    more: bool | None = True
    while more:
        if cursor.description is not None:
            results.append(cursor.fetchall())
        more = cursor.nextset()
    return results


def _send_apart(statements: Sequence[Fragment], connection: BaseDatabaseWrapper) -> list[Rows]:
    """With server-side binding a message holds one statement."""
    results: list[Rows] = []
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.text, statement.params)
            if cursor.description is not None:
                results.append(cursor.fetchall())
    return results
