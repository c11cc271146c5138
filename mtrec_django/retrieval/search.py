"""All candidates of an answer in one statement, with everything that ranking and reasons need to know of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..conf import DIM
from ..inference.blend import FRESH, PERSONAL, POPULAR, TOGETHER
from . import store
from .candidates import Ask, CandidateSource
from .sources import DEFAULT, sources_named
from .statement import Fragment, Rows, compose, join

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What was found, one row an item."""

    items: Longs  # [candidates]
    labels: list[str]  # of item sources
    object_ids: list[str]
    found_by: list[frozenset[str]]  # names of sources
    features: dict[str, Floats]  # name -> [candidates], NaN where unknown
    trending: Floats  # [candidates]
    days: npt.NDArray[np.float64]  # [candidates], since the item was first seen
    partners: dict[str, Longs]  # source -> [candidates], position in the history of what it goes with, -1 for none
    vectors: Floats  # [candidates, dim], NaN where there is none
    categories: list[dict[str, list[str]]]  # of each, empty unless asked for
    marks: npt.NDArray[np.bool_]  # [candidates, marks asked for]

    def __len__(self) -> int:
        return len(self.items)


def statement(ask: Ask, names: Sequence[str] = DEFAULT) -> Fragment:
    """Everything in one: candidates of all sources, with all that ranking and reasons need to know of each.

    One row of packed columns for each source, since reading hundreds of rows takes as long as finding them. An item
    stands there once for each source that found it.
    """
    found = [
        _found(ask, source, at, select)
        for at, source in enumerate(sources_named(names))
        if (select := source.select(ask)) is not None
    ]
    if not found:
        return Fragment("select " + ", ".join(["null"] * len(_COLUMNS)) + " where false")
    return compose("{allowed} {found}", allowed=_listed(ask), found=join(" union all ", found))


def is_ours(names: Sequence[str]) -> bool:
    """Whether a site wrote none of these sources; nobody knows of what types its parameters are."""
    return all(type(source).__module__.startswith(__package__ + ".") for source in sources_named(names))


def _found(ask: Ask, source: CandidateSource, at: int, select: Fragment) -> Fragment:
    """The rows of one source, packed: those of the pool, and how strongly it speaks for each."""
    rows = compose("({select}) as v", select=select)
    if not source.whole:
        rows = compose(
            "({select}) as c join {pool} on v.item_id = c.item_id and {version}",
            select=select,
            pool=ask.pool,
            version=ask.of_version,
        )
    counts = Fragment("")
    if not source.counted:
        counts = compose(
            "left join mtrec_itemscore as s on s.item_id = v.item_id and s.scenario_id = {scenario}::bigint",
            scenario=ask.scenario_id,
        )
    return compose(
        "select {at}, {columns} from {rows} {counts} {items}",
        at=Fragment(str(at)),
        columns=join(", ", _columns(ask, source)),
        rows=rows,
        counts=counts,
        items=Fragment("join mtrec_item as i on i.id = v.item_id" if ask.with_items else ""),
    )


_COLUMNS = (
    "at",
    "item",
    "popular",
    "trending",
    "label",
    "object_id",
    "days",
    "vector",
    "strength",
    "partner",
    "marks",
    "categories",
)


def _columns(ask: Ask, source: CandidateSource) -> list[Fragment]:
    """One value each for all rows: numbers packed, big-endian, which numpy reads without a look at each."""
    created = "v.created_at" if ask.version_id is None else "i.created_at"
    counts = "v" if source.counted else "s"
    told = "v" if source.whole else "c"
    columns = {
        "item": "string_agg(int8send(v.item_id), '')",
        "popular": f"string_agg(float8send(coalesce({counts}.popular, 0)), '')",
        "trending": f"string_agg(float8send(coalesce({counts}.trending, 0)), '')",
        "object_id": "array_agg(v.object_id::text)",
    }
    if len(ask.allowed.labels) != 1:
        columns["label"] = "array_agg(v.source::text)"
    if ask.version_id is None or ask.with_items:
        columns["days"] = f"string_agg(float8send(extract(epoch from now() - {created})::float8 / 86400), '')"
    if ask.version_id is not None:
        columns["vector"] = f"string_agg({store.packed(Fragment('v.vector')).text}, '')"
    if source.scored:
        columns["strength"] = f"string_agg(float8send({told}.strength), '')"
        columns["partner"] = f"string_agg(int8send({told}.partner), '')"
    if ask.with_items:
        columns["categories"] = "array_agg(i.categories::text)"
    packed = [Fragment(columns.get(name, _NOTHING.get(name, "null::bytea"))) for name in _COLUMNS[1:]]
    if ask.marks:
        packed[_COLUMNS.index("marks") - 1] = _marks(ask)
    return packed


_NOTHING = dict.fromkeys(("label", "object_id", "categories"), "null::text[]")


def _marks(ask: Ask) -> Fragment:
    """Which of the querysets hold the candidate, one bit each."""
    bits = [
        compose("(({held})::int::bigint << {at})", held=k.holds_any, at=Fragment(str(n)))
        for n, k in enumerate(ask.marks)
    ]
    return compose("string_agg(int8send({bits}), '')", bits=join(" | ", bits))


def _listed(ask: Ask) -> Fragment:
    """What is allowed, where that is little."""
    if not ask.narrow:
        return Fragment("")
    where = ask.allowed.where(narrow=True, by_text=ask.version_id is None)
    pool = replace(ask, narrow=False).pool
    return compose(
        "with allowed as materialized (select {row} from {pool} where {where})", row=ask.row, pool=pool, where=where
    )


def read(rows: Rows, ask: Ask, names: Sequence[str] = DEFAULT) -> Candidates:
    """The rows of `statement`, as arrays: one entry an item, by primary key."""
    told = [dict(zip(_COLUMNS, row, strict=True)) for row in rows if row[1] is not None]
    found = np.frombuffer(_joined(told, "item"), ">i8").astype(np.int64)
    items, first, which = np.unique(found, return_index=True, return_inverse=True)
    count, picked = len(items), first.tolist()
    ends = np.cumsum([0, *(len(one["item"]) // 8 for one in told)]).tolist()
    parts = {one["at"]: slice(begin, end) for one, begin, end in zip(told, ends, ends[1:], strict=False)}
    days = _numbers(told, "days", ">f8")
    vectors = store.unpack_all(_joined(told, "vector"))
    marks = _numbers(told, "marks", ">i8")
    vectors = vectors[first] if len(vectors) else np.full((count, DIM), np.nan, np.float32)
    days = days[first] if len(days) else np.full(count, np.nan)
    together, partner = ask.gathered.of(items)
    features: dict[str, Floats] = {
        PERSONAL: vectors @ ask.query if ask.query is not None else np.full(count, np.nan, np.float32),
        TOGETHER: together,
        POPULAR: np.log1p(_numbers(told, "popular", ">f8")[first]).astype(np.float32),
        FRESH: -np.log1p(np.maximum(days, 0)).astype(np.float32),
    }
    partners = {TOGETHER: partner}
    strengths = {one["at"]: (one["strength"] or b"", one["partner"] or b"") for one in told}
    for at, source in enumerate(sources_named(names)):
        if source.scored:
            features[source.name] = np.zeros(count, np.float32)
            partners[source.name] = np.full(count, -1, np.int64)
            spoken = which[parts.get(at, slice(0, 0))]
            strength, of = strengths.get(at, (b"", b""))
            features[source.name][spoken] = np.frombuffer(strength, ">f8")
            partners[source.name][spoken] = np.frombuffer(of, ">i8")
    return Candidates(
        items,
        _texts(told, "label", picked) or [*ask.allowed.labels[:1]] * count,
        _texts(told, "object_id", picked),
        _found_by(parts, which, count, names),
        features,
        _numbers(told, "trending", ">f8")[first].astype(np.float32),
        days,
        partners,
        vectors,
        [json.loads(text) for text in _texts(told, "categories", picked)] or [{}] * count,
        marks[first, None] >> np.arange(len(ask.marks)) & 1 == 1
        if len(marks)
        else np.zeros((count, len(ask.marks)), np.bool_),
    )


def _found_by(parts: Mapping[int, slice], which: Longs, count: int, names: Sequence[str]) -> list[frozenset[str]]:
    """The names of the sources of each item."""
    found = np.zeros(count, np.int64)
    for at, part in parts.items():
        found[which[part]] |= 1 << at
    masks = found.tolist()
    names_of = {mask: frozenset(name for at, name in enumerate(names) if mask >> at & 1) for mask in set(masks)}
    return [names_of[mask] for mask in masks]


def _joined(told: Sequence[Mapping[str, Any]], name: str) -> bytes:
    """A packed column of all sources; empty where there was no row."""
    return b"".join([one[name] or b"" for one in told])


def _numbers(told: Sequence[Mapping[str, Any]], name: str, kind: str) -> npt.NDArray[Any]:
    """The same as an array. [rows]"""
    return np.frombuffer(_joined(told, name), kind).astype(kind[1:])


def _texts(told: Sequence[Mapping[str, Any]], name: str, picked: Sequence[int]) -> list[str]:
    """A column of texts at these rows; empty where it was not asked for."""
    rows = [text for one in told for text in one[name] or ()]
    return [rows[row] for row in picked] if rows else []
