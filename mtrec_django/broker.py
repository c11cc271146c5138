"""Postgres as the broker: what kombu would make in it while others do, so that all but one fail, is made in turn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kombu import Connection

from .models.locks import LOCK_SPACE, Lock

SQL = "sql"
"""What kombu calls the transport that keeps messages in tables, through SQLAlchemy."""

_made: set[tuple[str, str]] = set()  # addresses and queues that this process need not look at again


def prepare(connection: Connection, queues: Iterable[str]) -> None:
    """Make the tables and queues of a broker that is a Postgres, as far as they are missing. Others need none.

    One transaction under an advisory lock of that database: whoever comes meanwhile waits, and finds them made.

    Raises:
        one of `connection.connection_errors`: when the broker is down.
    """
    address = connection.hostname or ""
    missing = [queue for queue in queues if (address, queue) not in _made]
    if missing and connection.transport.driver_type == SQL:
        _make(connection, address, missing)
        _made.update((address, queue) for queue in missing)


def _make(connection: Connection, address: str, queues: Iterable[str]) -> None:
    from sqlalchemy import NullPool, create_engine, text
    from sqlalchemy.orm import Session

    channel: Any = connection.default_channel  # which names its tables, and asks for nothing yet
    options = (connection.transport_options or {}).get("connect_args", {})
    # An engine of its own, which leaves no connection behind for the processes that a worker forks.
    engine = create_engine(address, poolclass=NullPool, connect_args=options)
    if engine.dialect.name != "postgresql":
        return
    with engine.begin() as tables, Session(tables) as rows:
        tables.execute(text("select pg_advisory_xact_lock(:space, :lock)"), {"space": LOCK_SPACE, "lock": Lock.BROKER})
        channel.queue_cls.metadata.create_all(tables)
        known = {queue.name for queue in rows.query(channel.queue_cls)}
        rows.add_all(channel.queue_cls(name) for name in sorted(set(queues) - known))
        rows.flush()
