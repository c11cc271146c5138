"""The HNSW graph over a version's vectors: built, looked after, built anew beside the old one."""

from __future__ import annotations

from django.db import OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper

M = 16
EF_CONSTRUCTION = 64
BYTES_PER_ITEM = 700  # of a graph in memory while it is built
WORN = 1.0
"""Writes since it was built, as a share of its items, from which a graph is built anew. Measured: with every item moved
once recall falls by a few thousandths and a search takes a fifth longer."""


def build(cursor: CursorWrapper, table: str) -> None:
    """Build the graph in the cursor's transaction, unless it is there; one that is not valid is thrown away."""
    if is_valid(cursor, f"{table}_hnsw"):
        return
    cursor.execute(f"drop index if exists {table}_hnsw")
    cursor.execute(f"select count(*) from {table}")
    rows = cursor.fetchone()[0]
    cursor.execute(f"set local maintenance_work_mem = '{_megabytes(rows)}MB'")
    statement = (
        f"create index {table}_hnsw on {table} using hnsw (vector halfvec_ip_ops)"
        f" with (m = {M}, ef_construction = {EF_CONSTRUCTION})"
    )
    create(cursor, statement)
    _remember(cursor, table, rows)


def create(cursor: CursorWrapper, statement: str) -> None:
    """Make an index in the cursor's transaction, by several workers where that can be."""
    try:
        with transaction.atomic(using=cursor.db.alias):
            cursor.execute(statement)
    except OperationalError:  # a container may give too little shared memory for workers to build it together
        cursor.execute("set local max_parallel_maintenance_workers = 0")
        cursor.execute(statement)


def rebuild(alias: str, table: str) -> None:
    """Build the graph anew beside the old one, which serves until then; what a killed attempt left goes first.

    Outside of any transaction, since Postgres wants it so.
    """
    with connections[alias].cursor() as cursor:
        for suffix in ("ccnew", "ccold"):
            cursor.execute(f"drop index if exists {table}_hnsw_{suffix}")
        cursor.execute(f"select count(*) from {table}")
        cursor.execute(f"set maintenance_work_mem = '{_megabytes(cursor.fetchone()[0])}MB'")
        try:
            cursor.execute(f"reindex index concurrently {table}_hnsw")
            cursor.execute(f"select {_WRITES} from pg_stat_all_tables as s where relid = to_regclass(%s)", [table])
            _remember(cursor, table, cursor.fetchone()[0])
        finally:
            cursor.execute("reset maintenance_work_mem")


_WRITES = "s.n_tup_ins + s.n_tup_upd - s.n_tup_hot_upd + s.n_tup_del"
"""Entries that the graph has had to take in or to let go, by Postgres's own counters: a second behind, and at 0 again
after a crash."""


def wear(cursor: CursorWrapper, pattern: str) -> dict[str, float]:
    """How much was written since each graph was built, as a share of its items. Name of the table -> share

    `pattern` is a regular expression that the tables' names match.
    """
    cursor.execute(
        f"select t.relname, greatest(0, {_WRITES} - d.writes) / greatest(t.reltuples, 1)::float8"
        " from pg_class t join pg_stat_all_tables s on s.relid = t.oid"
        " join pg_class c on c.relname = t.relname || '_hnsw'"
        " cross join lateral (select case when obj_description(c.oid, 'pg_class') ~ '^[0-9]+$'"
        " then obj_description(c.oid, 'pg_class')::bigint end as writes) as d"
        " where t.relname ~ %s and d.writes is not null",
        [pattern],
    )
    return dict(cursor.fetchall())


def _remember(cursor: CursorWrapper, table: str, writes: int) -> None:
    """What was written before this graph was built; with the index, since that is what it is about."""
    cursor.execute(f"comment on index {table}_hnsw is '{int(writes)}'")


def _megabytes(rows: int) -> int:
    """Memory to build in: a graph that does not fit is built many times slower."""
    return min(2048, max(64, rows * BYTES_PER_ITEM // 2**20 + 32))


def is_valid(cursor: CursorWrapper, name: str) -> bool:
    """Whether there is such an index that can be searched."""
    cursor.execute("select indisvalid from pg_index where indexrelid = to_regclass(%s)", [name])
    row = cursor.fetchone()
    return bool(row and row[0])
