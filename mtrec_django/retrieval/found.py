"""Candidates as they were found: what the rows of a search say, as arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..conf import DIM
from ..inference.blend import FRESH, PERSONAL, POPULAR, TEXT, TOGETHER
from ..inference.texts import likeness
from ..inference.texts import unpack as unpack_texts
from . import store
from .candidates import Ask, CandidateSource
from .statement import Rows

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

COLUMNS = ("at", "item", "label", "object_id", "days", "vector", "strength", "partner", "marks", "categories")
"""Of a row for each source: its place, and a packed value for all that it found."""
WITH_TEXT = (*COLUMNS, "text")
"""The same where what is written on candidates is compared."""


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
    texts: Floats | None = None  # what is written on each, see `inference.texts` [candidates, width]
    met: Floats | None = None  # what that is compared with: of each event, times what it counts [events, width]

    def __len__(self) -> int:
        return len(self.items)

    def alike(self, at: int) -> Floats | None:
        """How much of each event's text is in one candidate's; None where texts are not compared. [events]"""
        return None if self.met is None or self.texts is None else self.met @ self.texts[at]


def unpack(rows: Rows, ask: Ask, sources: Sequence[CandidateSource], named: Mapping[int, list[int]]) -> Candidates:
    """One entry an item, by primary key.

    Args:
        rows: of `COLUMNS` or `WITH_TEXT`; an item stands there once for each source that found it.
        named: what each source named itself, by its place.
    """
    names = WITH_TEXT if ask.width else COLUMNS
    told = [dict(zip(names, row, strict=True)) for row in rows if row[1] is not None]
    by_source = {one["at"]: np.frombuffer(one["item"], ">i8").astype(np.int64) for one in told}
    items, first = np.unique(np.concatenate([_NONE, *by_source.values()]), return_index=True)
    count, picked = len(items), first.tolist()
    days = _numbers(told, "days", ">f8")
    vectors = store.unpack_all(_joined(told, "vector"))
    marks = _numbers(told, "marks", ">i8")
    vectors = vectors[first] if len(vectors) else np.full((count, DIM), np.nan, np.float32)
    days = days[first] if len(days) else np.full(count, np.nan)
    together, partner = ask.gathered.of(items)
    popular, trending = ask.counts.of(items)
    features: dict[str, Floats] = {
        PERSONAL: vectors @ ask.query if ask.query is not None else np.full(count, np.nan, np.float32),
        TOGETHER: together,
        POPULAR: np.log1p(popular),
        FRESH: -np.log1p(np.maximum(days, 0)).astype(np.float32),
    }
    partners = {TOGETHER: partner}
    written = met = None
    if ask.texts is not None and ask.width:
        written, met = unpack_texts(_joined(told, "text"), ask.width)[first], ask.texts
        features[TEXT] = likeness(met, written)
    places = {at: np.searchsorted(items, some) for at, some in by_source.items() if at >= 0}
    strengths = {one["at"]: (one["strength"] or b"", one["partner"] or b"") for one in told}
    for at, source in enumerate(sources):
        if source.scored:
            features[source.name] = np.zeros(count, np.float32)
            partners[source.name] = np.full(count, -1, np.int64)
            strength, of = strengths.get(at, (b"", b""))
            features[source.name][places.get(at, _NONE)] = np.frombuffer(strength, ">f8")
            partners[source.name][places.get(at, _NONE)] = np.frombuffer(of, ">i8")
    places |= {at: _places(items, np.array(some, np.int64)) for at, some in named.items()}
    return Candidates(
        items,
        _texts(told, "label", picked) or [*ask.allowed.labels[:1]] * count,
        _texts(told, "object_id", picked),
        _found_by(places, count, [source.name for source in sources]),
        features,
        trending,
        days,
        partners,
        vectors,
        [json.loads(text) for text in _texts(told, "categories", picked)] or [{}] * count,
        marks[first, None] >> np.arange(len(ask.marks)) & 1 == 1
        if len(marks)
        else np.zeros((count, len(ask.marks)), np.bool_),
        written,
        met,
    )


_NONE = np.empty(0, np.int64)


def _places(items: Longs, some: Longs) -> Longs:
    """The rows of those of some items that are there."""
    if not len(items):
        return _NONE
    at = np.minimum(np.searchsorted(items, some), len(items) - 1)
    return at[items[at] == some]


def _found_by(places: Mapping[int, Longs], count: int, names: Sequence[str]) -> list[frozenset[str]]:
    """The names of the sources of each item."""
    found = np.zeros(count, np.int64)
    for at, some in places.items():
        found[some] |= 1 << at
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
