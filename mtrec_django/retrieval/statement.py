"""SQL put together from parts, and sent so that several statements are one round trip.

Knows nothing of recommendations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from string import Formatter
from typing import Any

from django.db import DatabaseError, InterfaceError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg.pq import ExecStatus

from . import pipeline

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


def literal(number: int) -> Fragment:
    """A whole number as it is, as after LIMIT, of which a plan that is kept must know how large it is."""
    return Fragment(str(int(number)))


def longs(values: Iterable[int | None]) -> str:
    """Whole numbers as Postgres writes an array, to be cast: psycopg would look at each of them."""
    return "{" + str(list(values))[1:-1].replace("None", "null") + "}"


def texts(values: Iterable[str]) -> str:
    """The same of texts."""
    escaped = (value.replace("\\", r"\\").replace('"', r"\"") for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"


def join(separator: str, fragments: Sequence[Fragment]) -> Fragment:
    """The fragments, one after the other."""
    params = [param for fragment in fragments for param in fragment.params]
    return Fragment(separator.join(fragment.text for fragment in fragments), tuple(params))


def read(
    statements: Sequence[Fragment],
    *,
    using: str,
    settings: Mapping[str, str | float] | None = None,
    again: bool = False,
) -> list[Rows]:
    """The rows of each statement, in one round trip where the driver can; statements may only read.

    `settings` hold for these statements alone. When a statement fails inside an atomic block of the caller, the block
    goes on: what is sent is wrapped in a savepoint, which takes no round trip of its own. What is sent `again` and
    again is planned once; parameters must then be of the type that the SQL around them says, as in `{n}::int`.

    Raises:
        DatabaseError: what Postgres said.
    """
    if again:
        settings = {**(settings or {}), "plan_cache_mode": "force_generic_plan"}
    closing = [f"rollback to savepoint {SAVEPOINT}"]  # which takes the settings back too
    if not settings:
        return _send(list(statements), using, closing=closing, again=again)
    return _send([_local(settings), *statements], using, closing=closing, again=again)[1:]


def _local(settings: Mapping[str, str | float]) -> Fragment:
    """One statement for all settings, as each costs its own time."""
    return Fragment(_set_all(tuple(settings)), tuple(str(value) for value in settings.values()))


@cache
def _set_all(names: tuple[str, ...]) -> str:
    return "select " + ", ".join(f"set_config('{name}', %s, true)" for name in names)


@contextmanager
def limited(using: str, settings: Mapping[str, str | float]) -> Iterator[None]:
    """Let the queries of this block run under settings that hold for each of them alone; without a round trip more.

    For what a site's own querysets ask, and only read. Where one fails, an atomic block of the caller goes on.
    """
    connection = connections[using]
    if (
        not settings
        or connection.vendor != "postgresql"
        or connection.settings_dict["OPTIONS"].get("server_side_binding")
    ):
        yield
        return
    local = "".join(f"set local {name} = {value};\n" for name, value in settings.items())
    with connection.execute_wrapper(partial(_limit, local)):
        yield


def _limit(local: str, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if many or not sql.lstrip(" (").lower().startswith(("select", "with")):
        return execute(sql, params, many, context)
    cursor, undo = context["cursor"], f"rollback to savepoint {SAVEPOINT}"
    guarded = _is_guarded(context["connection"])
    before, after = (f"savepoint {SAVEPOINT};\n", f";\n{undo};\nrelease savepoint {SAVEPOINT}") if guarded else ("", "")
    try:
        result = execute(before + local + sql + after, params, many, context)
    except DatabaseError:
        if guarded:
            with suppress(DatabaseError, InterfaceError):  # where even this fails, the first error says why
                execute(undo, None, False, context)
        raise
    while not _has_rows(cursor) and cursor.nextset():
        pass
    return result


def _is_guarded(connection: BaseDatabaseWrapper) -> bool:
    """Whether a failing statement would take more with it than itself."""
    return connection.in_atomic_block or not connection.get_autocommit()


def write(*statements: Fragment, using: str, at_ease: bool = False) -> None:
    """Run statements that write, in one round trip; a caller's atomic block survives their failure, as in `read`.

    They are sent again and again, so what `read` says of their parameters holds. `at_ease` is for what a crash of the
    server may take with it when it is less than a second old: nobody waits until it is on the disk. In a caller's
    atomic block that is as the caller has it.
    """
    if at_ease and not _is_guarded(connections[using]):
        statements = (_local({"synchronous_commit": "off"}), *statements)
    _send(list(statements), using, closing=[], again=True)


def _send(statements: list[Fragment], using: str, *, closing: list[str], again: bool = False) -> list[Rows]:
    connection = connections[using]
    if connection.settings_dict["OPTIONS"].get("server_side_binding"):
        return _send_apart(statements, connection)
    guarded = _is_guarded(connection)
    if guarded:
        after = [Fragment(text) for text in (*closing, f"release savepoint {SAVEPOINT}")]
        statements = [Fragment(f"savepoint {SAVEPOINT}"), *statements, *after]
    try:
        return _send_at_once(statements, connection, again=again)
    except DatabaseError as error:
        if guarded:
            with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:  # the first error says why
                cursor.execute(f"rollback to savepoint {SAVEPOINT}")
        if again and pipeline.refused(connection, error):
            return _send_at_once(statements, connection, again=False)
        raise


def _send_at_once(statements: list[Fragment], connection: BaseDatabaseWrapper, *, again: bool) -> list[Rows]:
    sent = join(";\n", statements)
    if again and pipeline.SUPPORTED:
        with pipeline.cursor(connection, [(one.text, one.params) for one in statements]) as cursor:
            cursor.execute(sent.text, sent.params)
            return list(cursor.cursor.results)
    with connection.cursor() as cursor:
        cursor.execute(sent.text, sent.params)
        return _results(cursor)


def _results(cursor: CursorWrapper) -> list[Rows]:
    results = []
    more: bool | None = True
    while more:
        if _has_rows(cursor):
            results.append(cursor.fetchall())
        more = cursor.nextset()
    return results


def _has_rows(cursor: CursorWrapper) -> bool:
    """Whether a result is one of rows; to describe their columns takes longer than to read some of them."""
    result = cursor.cursor.pgresult
    return result is not None and result.status == ExecStatus.TUPLES_OK


def _send_apart(statements: Sequence[Fragment], connection: BaseDatabaseWrapper) -> list[Rows]:
    """With server-side binding a message holds one statement."""
    results: list[Rows] = []
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.text, statement.params)
            if cursor.description is not None:
                results.append(cursor.fetchall())
    return results
