"""All candidates of an answer in one statement, with everything that ranking and reasons need to know of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
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

    One row of packed columns, since reading hundreds of rows takes as long as finding them. An item stands there once
    for each source that found it.
    """
    found = [
        _found(ask, source, 1 << at, select)
        for at, source in enumerate(sources_named(names))
        if (select := source.select(ask)) is not None
    ]
    if not found:
        return Fragment("select " + ", ".join(["null"] * len(_COLUMNS)))
    return compose(
        "with {allowed} found as ({union}) select {columns} from found as v"
        " left join mtrec_itemscore as s on s.item_id = v.item_id and s.scenario_id = {scenario} {items}",
        allowed=_listed(ask),
        union=join(" union all ", found),
        columns=join(", ", _columns(ask)),
        scenario=ask.scenario_id,
        items=Fragment("join mtrec_item as i on i.id = v.item_id" if ask.with_items else ""),
    )


def _found(ask: Ask, source: CandidateSource, bit: int, select: Fragment) -> Fragment:
    """The rows of one source: which it is, the rows of the pool, and how strongly it speaks for each."""
    told = Fragment("c.strength, c.partner" if source.scored else "null::float8 as strength, -1 as partner")
    if source.whole:
        row, rows = Fragment(ask.row.text.replace("v.", "c.")), compose("({select}) as c", select=select)
    else:
        row = ask.row
        rows = compose(
            "({select}) as c join {pool} on v.item_id = c.item_id and {version}",
            select=select,
            pool=ask.pool,
            version=ask.of_version,
        )
    return compose(
        "select {bit} as bit, {row}, {told} from {rows}", bit=Fragment(str(bit)), row=row, told=told, rows=rows
    )


_COLUMNS = (
    "item",
    "bit",
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


def _columns(ask: Ask) -> list[Fragment]:
    """One value each for all rows: numbers packed, big-endian, which numpy reads without a look at each."""
    nothing, created = Fragment("null"), "v.created_at" if ask.version_id is None else "i.created_at"
    numbers = {
        "item": "int8send(v.item_id)",
        "bit": "int8send(v.bit)",
        "popular": "float8send(coalesce(s.popular, 0))",
        "trending": "float8send(coalesce(s.trending, 0))",
        "days": f"float8send(extract(epoch from now() - {created})::float8 / 86400)",
        "vector": store.packed(Fragment("v.vector")).text,
        "strength": "float8send(coalesce(v.strength, 'NaN'))",
        "partner": "int8send(v.partner)",
    }
    columns = {name: Fragment(f"string_agg({number}, '')") for name, number in numbers.items()}
    columns |= {"label": Fragment("array_agg(v.source)"), "object_id": Fragment("array_agg(v.object_id)")}
    columns["marks"] = _marks(ask) if ask.marks else nothing
    columns["categories"] = Fragment("array_agg(i.categories::text)") if ask.with_items else nothing
    if ask.version_id is None:
        columns["vector"] = nothing
    elif not ask.with_items:
        columns["days"] = nothing
    return [columns[name] for name in _COLUMNS]


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
    return compose("allowed as materialized (select v.* from {pool} where {where}), ", pool=pool, where=where)


def read(rows: Rows, ask: Ask, names: Sequence[str] = DEFAULT) -> Candidates:
    """The row of `statement`, as arrays: one entry an item, by primary key."""
    told = dict(zip(_COLUMNS, rows[0], strict=True))
    items, first, which = np.unique(_numbers(told["item"], ">i8"), return_index=True, return_inverse=True)
    count, picked, bits = len(items), first.tolist(), _numbers(told["bit"], ">i8")
    days = _numbers(told["days"], ">f8")[first] if told["days"] else np.full(count, np.nan)
    vectors = store.unpack_all(told["vector"])[first] if told["vector"] else np.full((count, DIM), np.nan, np.float32)
    together, partner = ask.gathered.of(items)
    features: dict[str, Floats] = {
        PERSONAL: vectors @ ask.query if ask.query is not None else np.full(count, np.nan, np.float32),
        TOGETHER: together,
        POPULAR: np.log1p(_numbers(told["popular"], ">f8")[first]).astype(np.float32),
        FRESH: -np.log1p(np.maximum(days, 0)).astype(np.float32),
    }
    partners = {TOGETHER: partner}
    for at, source in enumerate(sources_named(names)):
        if source.scored:
            spoken = bits == 1 << at
            features[source.name] = np.zeros(count, np.float32)
            features[source.name][which[spoken]] = _numbers(told["strength"], ">f8")[spoken]
            partners[source.name] = np.full(count, -1, np.int64)
            partners[source.name][which[spoken]] = _numbers(told["partner"], ">i8")[spoken]
    return Candidates(
        items,
        [told["label"][row] for row in picked],
        [told["object_id"][row] for row in picked],
        _found_by(bits, which, names),
        features,
        _numbers(told["trending"], ">f8")[first].astype(np.float32),
        days,
        partners,
        vectors,
        [json.loads(told["categories"][row]) if told["categories"] else {} for row in picked],
        _numbers(told["marks"], ">i8")[first, None] >> np.arange(len(ask.marks)) & 1 == 1
        if told["marks"]
        else np.zeros((count, len(ask.marks)), np.bool_),
    )


def _found_by(bits: Longs, which: Longs, names: Sequence[str]) -> list[frozenset[str]]:
    """The names of the sources of each item."""
    found = np.zeros(which.max(initial=-1) + 1, np.int64)
    np.bitwise_or.at(found, which, bits)
    masks = found.tolist()
    names_of = {mask: frozenset(name for at, name in enumerate(names) if mask >> at & 1) for mask in set(masks)}
    return [names_of[mask] for mask in masks]


def _numbers(packed: bytes | None, kind: str) -> npt.NDArray[Any]:
    """A packed column; empty where there was no row. [rows]"""
    return np.frombuffer(packed or b"", kind).astype(kind[1:])
