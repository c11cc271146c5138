"""Where candidates come from: one small class a source, all of them in one statement.

A site adds a source by subclassing `CandidateSource` and registering it:

    @register_source
    class FromFriends(CandidateSource):
        name = "friends"

        def select(self, ask):
            return compose("select v.item_id from {pool} join … where {allowed} order by … limit {limit}", …)

and names it in the scenario's options: `"candidates": ["personal", "together", "popular", "friends"]`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..exceptions import NotRegistered
from ..inference.blend import FRESH, PERSONAL, POPULAR, SOURCE_CANDIDATES, TOGETHER, VECTOR_CANDIDATES
from . import store
from .filters import YES, Allowed
from .statement import Fragment, Rows, compose, join

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

TRENDING = "trending"
NEW = "new"

TRIED = 10_000
"""How many of a ranking are tried under a filter before it is given up."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for, as the sources see it."""

    scenario_id: int | None
    allowed: Allowed
    n: int
    version_id: int | None = None
    """The base version whose vectors are read; None when there is none, and then nothing but counts is known."""
    query: Floats | None = None  # [dim]
    history: Sequence[int] = ()  # items, most recent first
    weights: Sequence[float] = ()  # what each event of the history counts
    narrow: bool = False
    """Whether so little is allowed that it is best listed first."""
    with_items: bool = False
    """Whether the items' own rows are read for all candidates, for categories and age; wide rows, so it takes time."""

    @property
    def pool(self) -> Fragment:
        """What sources draw from: `v`, with `item_id, source, object_id, object_key, available`, perhaps `vector`."""
        if self.narrow:
            return Fragment("allowed as v")
        if self.version_id is None:
            return _ITEMS
        return compose("{table} as v", table=store.vectors_table(self.version_id))

    @property
    def where(self) -> Fragment:
        """What rows of the pool must fulfil."""
        if self.narrow:
            return YES
        if self.version_id is None:
            return self.allowed.where(narrow=False)
        return compose(
            "v.version_id = {version} and {where}",
            version=Fragment(str(int(self.version_id))),
            where=self.allowed.where(narrow=False),
        )

    def first(self, ranked: Fragment, limit: int) -> Fragment:
        """The first so many of `ranked`, a SELECT of `item_id, strength`, that the pool holds and that are allowed.

        They are tried in their order and no further than needed; left to itself, Postgres would look up all of them.
        """
        if self.narrow:
            return compose(
                "select v.item_id from ({ranked}) as r join allowed as v using (item_id)"
                " order by r.strength desc, v.item_id limit {limit}",
                ranked=ranked,
                limit=limit,
            )
        return compose(
            "select r.item_id from ({ranked} order by 2 desc, 1 limit {most}) as r"
            " cross join lateral (select from {pool} where v.item_id = r.item_id and {where} limit 1) as found"
            " order by r.strength desc, r.item_id limit {limit}",
            ranked=ranked,
            most=TRIED,
            pool=self.pool,
            where=self.where,
            limit=limit,
        )


_ITEMS = Fragment(
    "(select id as item_id, source, object_id, available, created_at,"
    " case when object_id ~ '^[0-9]{1,18}$' then object_id::bigint end as object_key from mtrec_item) as v"
)


_UNKNOWN = Fragment("'NaN'::float8")


class CandidateSource:
    """One way to find candidates."""

    name: ClassVar[str] = ""
    """How options and reasons call it."""
    limit: ClassVar[int] = SOURCE_CANDIDATES
    """How many it gives at most."""

    def select(self, ask: Ask) -> Fragment | None:
        """A SELECT of `item_id` from `ask.pool` where `ask.where`, the best first; None when it has nothing to say."""
        raise NotImplementedError


class Personal(CandidateSource):
    """The nearest items to what the visitor's events add up to."""

    name = PERSONAL
    limit = VECTOR_CANDIDATES

    def select(self, ask: Ask) -> Fragment | None:
        if ask.version_id is None or ask.query is None:
            return None
        return compose(
            "select v.item_id from {pool} where {where} order by {distance} limit {limit}",
            pool=ask.pool,
            where=ask.where,
            distance=store.distance(Fragment("v.vector"), ask.query),
            limit=max(self.limit, ask.n),
        )


class Together(CandidateSource):
    """What goes with the items of the history."""

    name = TOGETHER

    def select(self, ask: Ask) -> Fragment | None:
        if ask.version_id is None or not len(ask.history):
            return None
        return ask.first(Fragment("select item_id, strength from gathered where strength > 0"), self.limit)


class Popular(CandidateSource):
    """What is wanted most in this scenario."""

    name = POPULAR

    def select(self, ask: Ask) -> Fragment | None:
        return _by_score(ask, Fragment("popular"), max(self.limit, ask.n))


class Trending(CandidateSource):
    """What is wanted most of late."""

    name = TRENDING

    def select(self, ask: Ask) -> Fragment | None:
        return _by_score(ask, Fragment("trending"), max(self.limit, ask.n))


class New(CandidateSource):
    """What came last into the catalogue. It knows every item, so no list is shorter than what is allowed."""

    name = NEW
    limit = 20

    def select(self, ask: Ask) -> Fragment | None:
        limit = max(self.limit, ask.n)
        if ask.narrow:
            return compose(
                "select v.item_id from allowed as v join mtrec_item as i on i.id = v.item_id"
                " order by i.created_at desc, i.id desc limit {limit}",
                limit=limit,
            )
        return compose(
            "select v.item_id from {items} where {where} order by v.created_at desc, v.item_id desc limit {limit}",
            items=_ITEMS,
            where=ask.allowed.where(narrow=True, by_text=True),
            limit=limit,
        )


def _by_score(ask: Ask, column: Fragment, limit: int) -> Fragment | None:
    if ask.scenario_id is None:
        return None
    ranked = compose(
        "select item_id, {column} as strength from mtrec_itemscore where scenario_id = {scenario} and {column} > 0",
        column=column,
        scenario=ask.scenario_id,
    )
    return ask.first(ranked, limit)


_sources: dict[str, CandidateSource] = {}


def register_source(source: type[CandidateSource]) -> type[CandidateSource]:
    """Make a source known by its name; a class decorator."""
    _sources[source.name] = source()
    return source


for _source in (Personal, Together, Popular, Trending, New):
    register_source(_source)

DEFAULT = (PERSONAL, TOGETHER, POPULAR)
"""What is ranked, unless the scenario's options say otherwise: what the learner weighed on validation."""

COUNTS = (TRENDING, POPULAR, NEW)
"""What there is without a version, and what completes a list that came out short."""


def sources_named(names: Sequence[str]) -> list[CandidateSource]:
    """The sources by their names.

    Raises:
        NotRegistered: for a name that nobody registered.
    """
    if unknown := [name for name in names if name not in _sources]:
        raise NotRegistered(f"No candidate source {unknown[0]!r}; registered are {sorted(_sources)}.")
    return [_sources[name] for name in names]


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
    partner: Longs  # [candidates], position in the history of what it goes with best, -1 for none
    vectors: Floats  # [candidates, dim], NaN where there is none
    categories: list[dict[str, list[str]]]  # of each, empty unless asked for

    def __len__(self) -> int:
        return len(self.items)


def statement(ask: Ask, names: Sequence[str] = DEFAULT) -> Fragment:
    """Everything in one: candidates of all sources, with all that ranking and reasons need to know of each."""
    parts = [Fragment("select null::bigint as item_id, 0 as bit where false")]
    for at, source in enumerate(sources_named(names)):
        if (select := source.select(ask)) is not None:
            parts.append(
                compose("select item_id, {bit} from ({select}) as c", bit=Fragment(str(1 << at)), select=select)
            )
    return compose(
        "with {before} found as materialized"
        " (select item_id, bit_or(bit) as bits from ({union}) as u group by item_id)"
        " select f.item_id, {names}, f.bits, {personal}, {together}, coalesce(s.popular, 0), coalesce(s.trending, 0),"
        " {days}, {vector}, {categories} from found as f {joins}"
        " left join mtrec_itemscore as s on s.item_id = f.item_id and s.scenario_id = {scenario}"
        " order by f.item_id",
        union=join(" union all ", parts),
        scenario=ask.scenario_id,
        **_of_item(ask),
        **_of_version(ask),
    )


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
    gathered = len(ask.history) > 0
    nearness = _UNKNOWN
    if ask.query is not None:
        nearness = compose("-{distance}", distance=store.distance(Fragment("w.vector"), ask.query))
    joins = compose(
        "join {vectors} as w on w.version_id = {version} and w.item_id = f.item_id {items} {gathered}",
        vectors=store.vectors_table(ask.version_id),
        version=Fragment(str(int(ask.version_id))),
        items=items if ask.with_items else Fragment(""),
        gathered=Fragment("left join gathered as g on g.item_id = f.item_id" if gathered else ""),
    )
    return {
        "before": join("", [_listed(ask), _gathered(ask, ask.version_id) if gathered else Fragment("")]),
        "names": Fragment("w.source, w.object_id"),
        "personal": nearness,
        "together": Fragment("coalesce(g.strength, 0), coalesce(g.partner, -1)" if gathered else "0, -1"),
        "vector": store.packed(Fragment("w.vector")),
        "joins": joins,
    }


def _listed(ask: Ask) -> Fragment:
    """What is allowed, where that is little."""
    if not ask.narrow:
        return Fragment("")
    where = ask.allowed.where(narrow=True, by_text=ask.version_id is None)
    pool = replace(ask, narrow=False).pool
    return compose("allowed as materialized (select v.* from {pool} where {where}), ", pool=pool, where=where)


def _gathered(ask: Ask, version_id: int) -> Fragment:
    """`inference.blend.combine` in SQL, since the table of neighbours is there."""
    return compose(
        "gathered as materialized (select t.other as item_id, sum(t.weight * h.weight) as strength,"
        " (max(array[t.weight * h.weight, h.position]))[2]::int - 1 as partner"
        " from unnest({history}::bigint[], {weights}::float8[]) with ordinality as h(item_id, weight, position)"
        " join {neighbours} as n on n.version_id = {version} and n.item_id = h.item_id"
        " cross join lateral unnest(n.others, n.weights) as t(other, weight) group by t.other), ",
        history=[int(item) for item in ask.history],
        weights=[float(weight) for weight in ask.weights],
        neighbours=store.neighbours_table(version_id),
        version=Fragment(str(int(version_id))),
    )


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
    return Candidates(
        np.array([row[0] for row in rows], np.int64),
        [row[1] for row in rows],
        [row[2] for row in rows],
        [names_of[row[3]] for row in rows],
        {name: values.astype(np.float32) for name, values in features.items()},
        trending.astype(np.float32),
        days,
        partner.astype(np.int64),
        store.unpack([row[10] for row in rows]),
        [json.loads(row[11]) if isinstance(row[11], str) else row[11] or {} for row in rows],
    )
