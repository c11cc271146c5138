"""Several statements in one round trip, each parsed and planned once per connection, their rows in binary.

Planning and text take as long as much of what is asked here. It needs no setting: where a connection does not keep what
was prepared, as behind a pooler that lends connections by transaction, nothing is prepared any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace, TracebackType
from typing import Any, Self
from weakref import WeakSet

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg import Connection, Cursor, Error, capabilities
from psycopg.pq import ExecStatus

Statement = tuple[str, tuple[Any, ...]]  # SQL, parameters
Rows = list[tuple[Any, ...]]

NOT_KEPT = {"26000", "42P05"}
"""What Postgres says of a prepared statement that it does not know, or already knows from somebody else."""
CHANGED = "0A000"
"""What it says when a table has other columns than when the statement was prepared."""
SUPPORTED = capabilities.has_pipeline()
"""Not by a libpq older than 14."""
THRESHOLD = 5
"""psycopg prepares nothing without one. Django's own cursors bind in the client and never prepare."""

_refused: set[str] = set()  # aliases
_outdated: WeakSet[Connection[Any]] = WeakSet()


def may_prepare(connection: BaseDatabaseWrapper) -> bool:
    """Not with a pooler, for which Django's documentation has server-side cursors turned off; nor in an atomic block,
    since psycopg gives up all that is prepared at each return to a savepoint.
    """
    unsuited = bool(connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")) or connection.in_atomic_block
    return not unsuited and connection.alias not in _refused and connection.connection not in _outdated


def refused(connection: BaseDatabaseWrapper, error: DatabaseError) -> bool:
    """Whether an error says that statements should be sent again, and from now on, without preparing them."""
    state = getattr(error.__cause__, "sqlstate", None)
    if state in NOT_KEPT:
        _refused.add(connection.alias)
    elif state == CHANGED:
        _outdated.add(connection.connection)
    return state in NOT_KEPT or state == CHANGED


def cursor(connection: BaseDatabaseWrapper, statements: Sequence[Statement]) -> CursorWrapper:
    """A cursor that sends these statements, whatever it is told to execute; with Django's wrappers and its log."""
    connection.validate_thread_sharing()
    connection.ensure_connection()
    pipeline: Any = Pipeline(connection, statements)
    return connection.make_debug_cursor(pipeline) if connection.queries_logged else connection.make_cursor(pipeline)


class Pipeline:
    """As much of a cursor as Django's wrappers ask for."""

    def __init__(self, connection: BaseDatabaseWrapper, statements: Sequence[Statement]) -> None:
        self.connection, self.statements = connection, statements
        self.results: list[Rows] = []
        self.rowcount = -1
        self.said: tuple[str, Any] = ("", None)

    def execute(self, sql: str, params: Any = None) -> None:
        """Send the statements of this pipeline, which `sql` and `params` only name for the log."""
        self.said = sql, params
        raw: Connection[Any] = self.connection.connection
        prepare = may_prepare(self.connection)
        if prepare and raw.prepare_threshold is None:
            raw.prepare_threshold = THRESHOLD
        asked: list[Cursor[Any]] = []
        wrong: Error | None = None  # the first error says why; those that follow from it are nobody's concern
        try:
            with raw.pipeline():
                try:
                    for text, values in self.statements:
                        one = Cursor(raw)
                        asked.append(one.execute(text, values, prepare=prepare and bool(values), binary=True))
                except Error as error:
                    wrong = error
        except Error as error:
            wrong = wrong or error
        if wrong is not None:
            raise wrong
        self.results = [one.fetchall() for one in asked if one.pgresult and one.pgresult.status == ExecStatus.TUPLES_OK]

    @property
    def _query(self) -> SimpleNamespace:
        """What Django's log shows."""
        sql, params = self.said
        postgres: Any = self.connection.ops  # whose types do not tell one database from another
        return SimpleNamespace(query=postgres.compose_sql(sql, params).encode())

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
