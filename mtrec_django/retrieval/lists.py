"""Lists of a version's vectors by place (IVFFlat), for searches that go deep: where a queryset keeps a tenth, three
thousand of the nearest are met for three hundred, and a list is read several times faster than a graph is walked.

Ordered by the angle, which for item vectors, all of one length, is the order of the inner product; so the graph's
searches never take this index, nor these the graph.
"""

from __future__ import annotations

from math import ceil

from django.db import connections
from django.db.backends.utils import CursorWrapper

from .graph import create, is_valid

FEWEST = 20_000
"""Items of which lists are made; fewer are soon compared one by one."""
READ = 7.0
"""How many times as many vectors are read as are wanted; measured: recall at 100 is at least 0.96, of synthetic
clusters and of texts' embeddings; of vectors at random, which have no places, it would be less."""


def build(cursor: CursorWrapper, table: str) -> None:
    """Make the lists in the cursor's transaction, unless they are there or the items are few."""
    if is_valid(cursor, f"{table}_lists"):
        return
    cursor.execute(f"drop index if exists {table}_lists")
    if statement := _statement(cursor, table):
        create(cursor, statement)


def rebuild(alias: str, table: str) -> None:
    """Make the lists anew beside the old ones, or for the first time; what a killed attempt left goes first.

    Outside of any transaction, since Postgres wants it so.
    """
    with connections[alias].cursor() as cursor:
        valid = is_valid(cursor, f"{table}_lists")
        for suffix in ("_ccnew", "_ccold", *([] if valid else [""])):
            cursor.execute(f"drop index if exists {table}_lists{suffix}")
        if valid:
            cursor.execute(f"reindex index concurrently {table}_lists")
        elif statement := _statement(cursor, table, "concurrently"):
            cursor.execute(statement)


def count(cursor: CursorWrapper, table: str) -> int:
    """How many lists a table has; 0 where none can be searched."""
    if not is_valid(cursor, f"{table}_lists"):
        return 0
    cursor.execute(
        "select option_value::int from pg_class, pg_options_to_table(reloptions)"
        " where oid = to_regclass(%s) and option_name = 'lists'",
        [f"{table}_lists"],
    )
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def probes(wanted: float, items: int, lists: int) -> int:
    """How many of the lists are read for so many of the nearest."""
    return min(lists, ceil(READ * wanted / max(items, 1) * lists))


def _statement(cursor: CursorWrapper, table: str, how: str = "") -> str:
    """What makes the lists; nothing where the items are few. As many as each holds, as pgvector advises."""
    cursor.execute(f"select count(*) from {table}")
    rows = cursor.fetchone()[0]
    if rows < FEWEST:
        return ""
    lists = round(rows**0.5)
    return (
        f"create index {how} {table}_lists on {table} using ivfflat (vector halfvec_cosine_ops) with (lists = {lists})"
    )
