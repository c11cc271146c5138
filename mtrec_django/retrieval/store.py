"""Where item vectors live: one partition per base version, the only place that speaks pgvector.

A version is loaded and indexed as tables of their own, beside the live one, and attached when done: readers never
wait. They ask a partition by its name, so the locks of its parent never meet them either. Every step may be killed and
begun again: `create` starts from nothing, `load_*` are one transaction each, the rest does what is left to do.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import ceil

import numpy as np
import numpy.typing as npt
from django.db import OperationalError, connections, router, transaction
from django.db.backends.utils import CursorWrapper

from ..conf import DIM
from ..inference.texts import Bytes
from ..models import ItemNeighbours, ItemVector, ModelVersion
from . import graph, lists
from .gathering import pack
from .gathering import unpack as unpack_list
from .statement import Fragment, compose, read

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

PARENTS = (ItemVector._meta.db_table, ItemNeighbours._meta.db_table)

MAX_SCAN_TUPLES = 100_000
"""Where an iterative scan gives up; pgvector's 20,000 loses 16 % of the rows under a 10 % filter at 200,000 items."""

BATCH = 10_000
FILLFACTOR = 85
"""Room in each page for `available` to change without a new entry in the vector index."""

LOCK_TIMEOUT = "2s"
LOCK_ATTEMPTS = 15

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"
COPY_NEIGHBOURS = struct.Struct(">hiqiqi")
COPY_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("id_size", ">i4"),
        ("id", ">i8"),
        ("vector_size", ">i4"),
        ("dim", ">u2"),
        ("unused", ">u2"),
        ("vector", ">f2", (DIM,)),
    ]
)


def database() -> str:
    """The alias of the database that holds the vectors."""
    return router.db_for_write(ItemVector)


def vectors_table(version_id: int) -> Fragment:
    """The partition of a base version's item vectors."""
    return Fragment(f"{PARENTS[0]}_v{int(version_id)}")


def neighbours_table(version_id: int) -> Fragment:
    """The partition of a base version's neighbours."""
    return Fragment(f"{PARENTS[1]}_v{int(version_id)}")


# Making a version


def create(version_id: int) -> None:
    """Make empty tables for a version; what an earlier attempt left is dropped first."""
    drop(version_id)
    with transaction.atomic(using=database()), _cursor() as cursor:
        for parent in PARENTS:
            name = f"{parent}_v{int(version_id)}"
            cursor.execute(
                f"create table {name} (like {parent} including defaults,"
                f" constraint {name}_only check (version_id = {int(version_id)})) with (fillfactor = {FILLFACTOR})"
            )


def load_vectors(version_id: int, rows: Iterable[tuple[int, Floats]], texts: Bytes | None = None) -> int:
    """Stream (item, vector) in by COPY, in one transaction; what serving filters by is copied from the item.

    `texts` is what is written on these items, see `inference.texts`. [items, width] Items that are gone by now are left
    out. Returns how many rows went in.
    """
    with transaction.atomic(using=database()), _cursor() as cursor:
        _stage(cursor, rows, texts)
        cursor.execute(f"{_insert(version_id, texts)} order by {_IN_ORDER}")
        return int(cursor.rowcount)


_IN_ORDER = "item.source, object_key, item.object_id"
"""Of the site's own keys, so that what a queryset lists lies side by side."""


def load_neighbours(version_id: int, rows: Iterable[tuple[int, Sequence[int], Sequence[float]]]) -> int:
    """Stream (item, neighbours strongest first, their weights) in by binary COPY, in one transaction."""
    table = neighbours_table(version_id).text
    count = 0
    statement = f"copy {table} (version_id, item_id, packed) from stdin (format binary)"
    with transaction.atomic(using=database()), _cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(COPY_HEADER)
        for item_id, others, weights in rows:
            packed = pack(others, weights)
            copy.write(COPY_NEIGHBOURS.pack(3, 8, version_id, 8, item_id, len(packed)) + packed)
            count += 1
        copy.write(COPY_TRAILER)
    return count


def index(version_id: int) -> None:
    """Build the keys, the HNSW graph and the lists of a loaded version; what is built already stays."""
    vectors, neighbours = vectors_table(version_id).text, neighbours_table(version_id).text
    with transaction.atomic(using=database()), _cursor() as cursor:
        for table in (vectors, neighbours):
            if not _exists(cursor, f"{table}_pkey"):
                cursor.execute(f"alter table {table} add constraint {table}_pkey primary key (version_id, item_id)")
        # The number first: comparing it is quicker than comparing the same name again and again
        cursor.execute(f"create index if not exists {vectors}_object on {vectors} (object_key, source)")
        cursor.execute(
            f"create index if not exists {vectors}_text on {vectors} (source, object_id) where object_key is null"
        )
        graph.build(cursor, vectors)
        lists.build(cursor, vectors)
    with _cursor() as cursor:
        cursor.execute(f"analyze {vectors}, {neighbours}")


def attach(version_id: int) -> None:
    """Make the tables of a version partitions; their keys and checks are proof enough, so nothing is scanned."""
    with transaction.atomic(using=database()), _cursor() as cursor:
        for parent in PARENTS:
            name = f"{parent}_v{int(version_id)}"
            if not _attached(cursor, name):
                cursor.execute(f"alter table {parent} attach partition {name} for values in ({int(version_id)})")


def drop(version_id: int) -> None:
    """Give a version's disk back, at once, in whatever state it is; nothing happens when it is gone already.

    Raises:
        OperationalError: when someone kept the tables locked for half a minute.
    """
    names = ", ".join(f"{parent}_v{int(version_id)}" for parent in PARENTS)
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            with transaction.atomic(using=database()), _cursor() as cursor:
                cursor.execute(
                    f"set local lock_timeout = '{LOCK_TIMEOUT}'"
                )  # waiting, it would hold up everybody behind it
                cursor.execute(f"drop table if exists {names}")
            return
        except OperationalError:
            if attempt == LOCK_ATTEMPTS:
                raise


def orphans() -> list[int]:
    """Versions that have tables but are no ready base: half built, failed, pruned or deleted."""
    ready = ModelVersion.objects.filter(kind=ModelVersion.Kind.BASE, status=ModelVersion.Status.READY)
    return sorted(stored() - set(ready.values_list("pk", flat=True)))


def stored() -> set[int]:
    """Versions that have tables of their own, attached or not."""
    pattern = re.compile("(?:" + "|".join(PARENTS) + r")_v(\d+)")
    with _cursor() as cursor:
        cursor.execute("select relname from pg_class where relkind = 'r' and relname like %s", [r"mtrec\_item%\_v%"])
        matches = [pattern.fullmatch(name) for (name,) in cursor.fetchall()]
    return {int(match[1]) for match in matches if match}


# Keeping live versions fresh


def with_graph() -> set[int]:
    """Versions whose vectors have a graph that can be searched."""
    with _cursor() as cursor:
        cursor.execute(
            "select substring(c.relname from '_v([0-9]+)_hnsw$')::bigint from pg_index i"
            " join pg_class c on c.oid = i.indexrelid where i.indisvalid and c.relname ~ %s",
            [f"^{PARENTS[0]}_v[0-9]+_hnsw$"],
        )
        return {row[0] for row in cursor.fetchall()}


def worn() -> list[tuple[int, float]]:
    """Versions whose graph is due to be built anew, each with what was written since as a share of its items."""
    with _cursor() as cursor:
        shares = graph.wear(cursor, f"^{PARENTS[0]}_v[0-9]+$")
    due = {int(table.rpartition("_v")[2]): share for table, share in shares.items() if share >= graph.WORN}
    return sorted(due.items())


def rebuild_graph(version_id: int) -> None:
    """Build a version's graph and lists anew while it serves on; outside of any transaction."""
    table = vectors_table(version_id).text
    graph.rebuild(database(), table)
    lists.rebuild(database(), table)


def lists_of(version_id: int) -> int:
    """How many lists its vectors are in; 0 where there are none, as of few items."""
    with _cursor() as cursor:
        return lists.count(cursor, vectors_table(version_id).text)


def upsert(version_id: int, item_ids: Sequence[int], vectors: Floats, texts: Bytes | None = None) -> int:
    """Put new or changed items into a live version: searchable with the commit, no rebuild. Returns how many."""
    text = "" if texts is None else ", text = excluded.text"
    with transaction.atomic(using=database()), _cursor() as cursor:
        _stage(cursor, zip(item_ids, vectors, strict=True), texts)
        cursor.execute(
            f"{_insert(version_id, texts)} on conflict (version_id, item_id) do update set"
            " source = excluded.source, object_id = excluded.object_id, object_key = excluded.object_key,"
            f" available = excluded.available, vector = excluded.vector{text}"
        )
        return int(cursor.rowcount)


def join_neighbours(
    version_id: int,
    lists: Iterable[tuple[int, Sequence[int], Sequence[float]]],
    joined: Mapping[int, tuple[Sequence[int], Sequence[float]]],
    *,
    most: int,
) -> None:
    """Give items lists of neighbours in a live version, and let them join the lists of others, strongest first.

    Args:
        lists: (item, neighbours, their weights).
        joined: item -> the items that join its list, and their weights.
        most: how long a list may become.
    """
    table = neighbours_table(version_id).text
    with transaction.atomic(using=database()), _cursor() as cursor:
        rows = [(item, pack(others, weights)) for item, others, weights in lists]
        cursor.execute(
            f"select item_id, packed from {table} where item_id = any(%s) order by item_id for update", [[*joined]]
        )
        for item, packed in cursor.fetchall():
            rows.append((item, _joined(bytes(packed), *joined[item], most)))
        cursor.executemany(
            f"insert into {table} (version_id, item_id, packed) values ({int(version_id)}, %s, %s)"
            " on conflict (version_id, item_id) do update set packed = excluded.packed",
            rows,
        )


def _joined(packed: bytes, others: Sequence[int], weights: Sequence[float], most: int) -> bytes:
    known, strength = unpack_list(packed)
    stay = ~np.isin(known, others)
    known = np.concatenate([known[stay], np.asarray(others, np.int64)])
    strength = np.concatenate([strength[stay], np.asarray(weights, np.float32)])
    order = np.argsort(-strength, kind="stable")[:most]
    return pack(known[order].tolist(), strength[order].tolist())


# Asking


def search_settings(candidates: float, probes: int = 0) -> dict[str, str | float]:
    """What a search that meets so many candidates runs with; iterative, so a filter never shortens the list.

    `probes` is how many lists it reads, where it reads lists.
    """
    return {
        **({"ivfflat.probes": probes} if probes else {}),
        "hnsw.ef_search": max(40, min(ceil(candidates), 1000)),
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": MAX_SCAN_TUPLES,
        "hnsw.scan_mem_multiplier": 4,
        "jit": "off",  # compiling takes longer than the whole search
        "max_parallel_workers_per_gather": 0,  # so does starting a worker
        "random_page_cost": 1.1,  # vectors and keys are in memory; or a narrow filter reads the whole table
    }


def literal(vector: Floats) -> Fragment:
    """A query vector in SQL. [dim]"""
    return Fragment(f"%s::halfvec({DIM})", ("[" + ",".join(f"{value:.5g}" for value in vector.tolist()) + "]",))


def distance(column: Fragment, query: Floats) -> Fragment:
    """Minus the inner product, which the index orders by: the smaller, the nearer."""
    return compose("({column} <#> {query})", column=column, query=literal(query))


def angle(column: Fragment, query: Floats) -> Fragment:
    """The same order of vectors of one length, by which lists are searched."""
    return compose("({column} <=> {query})", column=column, query=literal(query))


def packed(column: Fragment) -> Fragment:
    """A vector as bytes: ten times faster to read than its text. `unpack` reads it."""
    return compose("halfvec_send({column})", column=column)


def unpack(rows: Sequence[bytes | None]) -> Floats:
    """Vectors from `packed` columns, NaN where there is none. [rows, dim]"""
    missing = b"\0\0\0\0" + b"\x7e\x00" * DIM
    return unpack_all(b"".join(missing if row is None else row for row in rows))


def unpack_all(joined: bytes) -> Floats:
    """Vectors from `packed` columns put together. [rows, dim]"""
    return np.frombuffer(joined, ">f2").reshape(-1, 2 + DIM)[:, 2:].astype(np.float32)


def packed_text(column: Fragment, width: int) -> Fragment:
    """What is written on an item as so many bytes, zero where there is nothing: `inference.texts.unpack` reads it."""
    return Fragment(f"coalesce({column.text}, decode(repeat('00', {int(width)}), 'hex'))", column.params)


def sample(version_id: int, percent: float) -> list[tuple[str, str, bool]]:
    """(source, object id, available) of about so much of a version, in no order."""
    with _cursor() as cursor:
        cursor.execute(
            f"select source, object_id, available from {vectors_table(version_id).text}"
            f" tablesample system ({percent:.6f}) order by random()"
        )
        return list(cursor.fetchall())


def read_vectors(version_id: int) -> tuple[Longs, Floats]:
    """All items of a version, by primary key, and their vectors. [items], [items, dim]"""
    with _cursor() as cursor:
        cursor.execute(f"select item_id, halfvec_send(vector) from {vectors_table(version_id).text} order by item_id")
        rows = cursor.fetchall()
    return np.array([row[0] for row in rows], np.int64), unpack([row[1] for row in rows])


def read_texts(version_id: int, width: int) -> Bytes:
    """What is written on the same items, zero where nothing is. [items, width]"""
    column = packed_text(Fragment("text"), width).text
    with _cursor() as cursor:
        cursor.execute(f"select {column} from {vectors_table(version_id).text} order by item_id")
        return np.frombuffer(b"".join(row[0] for row in cursor.fetchall()), np.int8).reshape(-1, width)


def search_plan(version_id: int) -> str:
    """How Postgres would search a version for what is nearest to one of its items; empty where it has none."""
    table = vectors_table(version_id)
    nearest = compose(
        "explain select item_id from {table} where available order by vector <#>"
        " (select vector from {table} limit 1) limit 300",
        table=table,
    )
    (rows,) = read([nearest], using=database(), settings=search_settings(300))
    return "\n".join(row[0] for row in rows)


def disk(version_id: int) -> int:
    """Bytes that a version's tables and indexes take."""
    names = [vectors_table(version_id).text, neighbours_table(version_id).text]
    with _cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(pg_total_relation_size(to_regclass(name))), 0) from unnest(%s::text[]) as name",
            [names],
        )
        return int(cursor.fetchone()[0] or 0)


def size(version_id: int) -> int:
    """About how many items a version has, without counting."""
    with _cursor() as cursor:
        cursor.execute("select reltuples from pg_class where oid = to_regclass(%s)", [vectors_table(version_id).text])
        row = cursor.fetchone()
        return max(0, int(row[0])) if row else 0


def _cursor() -> CursorWrapper:
    return connections[database()].cursor()


def _stage(cursor: CursorWrapper, rows: Iterable[tuple[int, Floats]], texts: Bytes | None) -> None:
    """COPY into a table of this transaction, binary: as many bytes as the vectors have, and no text to parse."""
    columns = f"item_id bigint, vector halfvec({DIM}){'' if texts is None else ', text bytea'}"
    cursor.execute("drop table if exists mtrec_staged")
    cursor.execute(f"create temporary table mtrec_staged ({columns}) on commit drop")
    with cursor.copy("copy mtrec_staged from stdin (format binary)") as copy:
        copy.write(COPY_HEADER)
        for batch in _batches(rows, texts):
            copy.write(batch.tobytes())
        copy.write(COPY_TRAILER)


def _batches(rows: Iterable[tuple[int, Floats]], texts: Bytes | None) -> Iterator[npt.NDArray[np.void]]:
    width = 0 if texts is None else texts.shape[1]
    kind = COPY_ROW if texts is None else np.dtype([*COPY_ROW.descr, ("text_size", ">i4"), ("text", "i1", (width,))])
    stream, first = iter(rows), 0
    while batch := list(islice(stream, BATCH)):
        cells = np.zeros(len(batch), kind)
        cells["fields"], cells["id_size"], cells["vector_size"], cells["dim"] = 2, 8, 4 + 2 * DIM, DIM
        cells["id"] = [item_id for item_id, _vector in batch]
        cells["vector"] = np.stack([vector for _item_id, vector in batch])
        if texts is not None:
            cells["fields"], cells["text_size"], cells["text"] = 3, width, texts[first : first + len(batch)]
        first += len(batch)
        yield cells


def _insert(version_id: int, texts: Bytes | None) -> str:
    """Take the staged rows over, with what serving filters by, of the items that still are."""
    written = ("", "") if texts is None else (", text", ", staged.text")
    return (
        f"insert into {vectors_table(version_id).text}"
        f" (version_id, item_id, source, object_id, object_key, available, vector{written[0]})"
        f" select {int(version_id)}, item.id, item.source, item.object_id,"
        r" case when item.object_id ~ '^\d{1,18}$' then item.object_id::bigint end as object_key,"
        f" item.available, staged.vector{written[1]}"
        " from mtrec_staged as staged join mtrec_item as item on item.id = staged.item_id"
    )


def _exists(cursor: CursorWrapper, name: str) -> bool:
    cursor.execute("select to_regclass(%s) is not null", [name])
    return bool(cursor.fetchone()[0])


def _attached(cursor: CursorWrapper, name: str) -> bool:
    cursor.execute("select relispartition from pg_class where oid = to_regclass(%s)", [name])
    row = cursor.fetchone()
    return bool(row and row[0])
