"""All candidates of an answer in one statement, with everything that ranking and reasons need to know of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..inference.blend import FRESH, PERSONAL, POPULAR, TOGETHER
from . import store
from .candidates import Ask, gathered
from .sources import DEFAULT, sources_named
from .statement import Fragment, Rows, compose, join

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

_UNKNOWN = Fragment("'NaN'::float8")


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
    """Everything in one: candidates of all sources, with all that ranking and reasons need to know of each."""
    sources = sources_named(names)
    scored = {1 << at for at, source in enumerate(sources) if source.scored}
    parts = [compose("select null::bigint as item_id, 0 as bit {more} where false", more=_more(scored, 0))]
    for at, source in enumerate(sources):
        if (select := source.select(ask)) is not None:
            parts.append(
                compose(
                    "select item_id, {bit} {more} from ({select}) as c",
                    bit=Fragment(str(1 << at)),
                    more=_more(scored, 1 << at),
                    select=select,
                )
            )
    return compose(
        "with {before} found as materialized"
        " (select item_id, bit_or(bit) as bits {strengths} from ({union}) as u group by item_id)"
        " select f.item_id, {names}, f.bits, {personal}, {together}, coalesce(s.popular, 0), coalesce(s.trending, 0),"
        " {days}, {vector}, {categories}, {marks}, {told} from found as f {joins}"
        " left join mtrec_itemscore as s on s.item_id = f.item_id and s.scenario_id = {scenario}"
        " order by f.item_id",
        union=join(" union all ", parts),
        scenario=ask.scenario_id,
        strengths=_strengths(scored),
        told=Fragment("f.told" if scored else "null"),
        marks=_marks(ask),
        **_of_item(ask),
        **_of_version(ask),
    )


def _more(scored: set[int], bit: int) -> Fragment:
    """The further columns of a source, where one of them has any."""
    if not scored:
        return Fragment("")
    return Fragment(", strength, partner" if bit in scored else ", 0::float8 as strength, -1 as partner")


def _strengths(scored: set[int]) -> Fragment:
    """How strongly each scored source speaks for an item, and which item of the history it speaks of; in turn."""
    if not scored:
        return Fragment("")
    best = "max(array[strength, partner]) filter (where bit = {bit})"
    told = ", ".join(f"({best})[1], ({best})[2]".format(bit=bit) for bit in sorted(scored))
    return Fragment(f", array[{told}]::float8[] as told")


def _of_item(ask: Ask) -> dict[str, Fragment]:
    """What only the item's own row tells."""
    if ask.version_id is not None and not ask.with_items:
        return {"days": _UNKNOWN, "categories": Fragment("null")}
    days = Fragment("extract(epoch from now() - i.created_at)::float8 / 86400")
    return {"days": days, "categories": Fragment("i.categories" if ask.with_items else "null")}


def _of_version(ask: Ask) -> dict[str, Fragment]:
    """What only a version with vectors can tell of a candidate."""
    items = Fragment("join mtrec_item as i on i.id = f.item_id")
    if ask.version_id is None:
        return {
            "before": _listed(ask),
            "names": Fragment("i.source, i.object_id"),
            "personal": _UNKNOWN,
            "together": Fragment("0, -1"),
            "vector": Fragment("null"),
            "joins": items,
        }
    met = len(ask.history) > 0
    nearness = _UNKNOWN
    if ask.query is not None:
        nearness = compose("-{distance}", distance=store.distance(Fragment("w.vector"), ask.query))
    joins = compose(
        "join {vectors} as w on w.version_id = {version} and w.item_id = f.item_id {items} {gathered}",
        vectors=store.vectors_table(ask.version_id),
        version=Fragment(str(int(ask.version_id))),
        items=items if ask.with_items else Fragment(""),
        gathered=Fragment("left join gathered as g on g.item_id = f.item_id" if met else ""),
    )
    return {
        "before": join("", [_listed(ask), _gathered(ask, ask.version_id) if met else Fragment("")]),
        "names": Fragment("w.source, w.object_id"),
        "personal": nearness,
        "together": Fragment("coalesce(g.strength, 0), coalesce(g.partner, -1)" if met else "0, -1"),
        "vector": store.packed(Fragment("w.vector")),
        "joins": joins,
    }


def _marks(ask: Ask) -> Fragment:
    """Which of the querysets hold the candidate."""
    if not ask.marks:
        return Fragment("null")
    known = "i.source, i.object_id, case when i.object_id ~ '^[0-9]{1,18}$' then i.object_id::bigint end"
    return compose(
        "(select array[{held}] from (select {row}) as v(source, object_id, object_key))",
        held=join(", ", [keys.holds_any for keys in ask.marks]),
        row=Fragment(known if ask.version_id is None else "w.source, w.object_id, w.object_key"),
    )


def _listed(ask: Ask) -> Fragment:
    """What is allowed, where that is little."""
    if not ask.narrow:
        return Fragment("")
    where = ask.allowed.where(narrow=True, by_text=ask.version_id is None)
    pool = replace(ask, narrow=False).pool
    return compose("allowed as materialized (select v.* from {pool} where {where}), ", pool=pool, where=where)


def _gathered(ask: Ask, version_id: int) -> Fragment:
    """What goes with the history, by the version's own table."""
    table = compose(
        "(select * from {neighbours} where version_id = {version}) as n",
        neighbours=store.neighbours_table(version_id),
        version=Fragment(str(int(version_id))),
    )
    return compose("gathered as materialized ({gathered}), ", gathered=gathered(table, ask))


def read(rows: Rows, names: Sequence[str] = DEFAULT) -> Candidates:
    """The rows of `statement`, as arrays."""
    names_of = {bits: frozenset(n for at, n in enumerate(names) if bits >> at & 1) for bits in {row[3] for row in rows}}
    numbers = np.array([row[4:10] for row in rows], np.float64).reshape(-1, 6)
    personal, together, partner, popular, trending, days = numbers.T
    features = {
        PERSONAL: personal,
        TOGETHER: together,
        POPULAR: np.log1p(popular),
        FRESH: -np.log1p(np.maximum(days, 0)),
    }
    partners = {TOGETHER: partner}
    for name, strength, position in _told(rows, names):
        features[name], partners[name] = strength, position
    return Candidates(
        np.array([row[0] for row in rows], np.int64),
        [row[1] for row in rows],
        [row[2] for row in rows],
        [names_of[row[3]] for row in rows],
        {name: values.astype(np.float32) for name, values in features.items()},
        trending.astype(np.float32),
        days,
        {name: positions.astype(np.int64) for name, positions in partners.items()},
        store.unpack([row[10] for row in rows]),
        [json.loads(row[11]) if isinstance(row[11], str) else row[11] or {} for row in rows],
        np.array([row[12] for row in rows if row[12]], np.bool_).reshape(len(rows), -1 if rows else 0),
    )


def _told(rows: Rows, names: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Each scored source with its strengths, 0 where it did not find the item, and positions in the history."""
    scored = [source.name for source in sources_named(names) if source.scored]
    if not scored:
        return
    told = np.array([row[13] for row in rows], np.float64).reshape(-1, 2 * len(scored))
    for at, name in enumerate(scored):
        strength, position = told[:, 2 * at], told[:, 2 * at + 1]
        yield name, np.nan_to_num(strength), np.where(np.isfinite(position), position, -1)
