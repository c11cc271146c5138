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


class CandidateSource:
    """One way to find candidates."""

    name: ClassVar[str] = ""
    """How options and reasons call it."""
    limit: ClassVar[int] = SOURCE_CANDIDATES
    """How many it gives at most."""
    fills: ClassVar[bool] = False
    """Whether it is asked only when the others found too few, and its items come last."""

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
    fills = True

    def select(self, ask: Ask) -> Fragment | None:
        return _by_score(ask, Fragment("trending"), max(self.limit, ask.n))


class New(CandidateSource):
    """What came last into the catalogue. It knows every item, so no list is shorter than what is allowed."""

    name = NEW
    fills = True
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
            where=ask.allowed.where(narrow=ask.version_id is None, by_text=True),
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

FILLING = (TRENDING, NEW)
"""What completes a list, in this order, whatever the options say."""


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
    filling: npt.NDArray[np.bool_]  # [candidates], whether only a filling source found it
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
    sources = _bits(names)
    ranked = _union({name: sources[name] for name in names}, ask)
    filling = _union({name: sources[name] for name in FILLING}, ask)
    if ask.version_id is None:  # nothing to rank by but counts
        ranked, filling = _union(sources, ask), _union({}, ask)
    return compose(
        "with {before} ranked as materialized"
        " (select item_id, bit_or(bit) as bits from ({ranked}) as r group by item_id),"
        " found as (select item_id, bits, false as fills from ranked union all"
        " select item_id, bit_or(bit), true from ({filling}) as f"
        " where (select count(*) from ranked) < {n} and item_id not in (select item_id from ranked) group by item_id)"
        " select f.item_id, {names}, f.bits, {personal}, {together}, s.popular, s.trending,"
        " extract(epoch from now() - i.created_at)::float8 / 86400, {vector}, i.categories"
        " from found as f {joins} left join lateral (select source, object_id, created_at, {categories} as categories"
        " from mtrec_item where id = f.item_id and {needed} offset 0) as i on true"  # offset 0: or all are read
        " left join mtrec_itemscore as s on s.item_id = f.item_id and s.scenario_id = {scenario}"
        " order by f.item_id",
        ranked=ranked,
        filling=filling,
        n=ask.n,
        scenario=ask.scenario_id,
        categories=Fragment("categories" if ask.with_items else "null"),
        needed=YES if ask.with_items or ask.version_id is None else Fragment("(f.fills or w.item_id is null)"),
        **_of_version(ask),
    )


def _bits(names: Sequence[str]) -> dict[str, tuple[int, CandidateSource]]:
    """Every source that may speak, each with a bit that says it found an item."""
    every = dict.fromkeys([*names, POPULAR, *FILLING])
    return {source.name: (1 << at, source) for at, source in enumerate(sources_named(list(every)))}


def _union(sources: dict[str, tuple[int, CandidateSource]], ask: Ask) -> Fragment:
    parts = [Fragment("select null::bigint as item_id, 0 as bit where false")]
    for bit, source in sources.values():
        if (select := source.select(ask)) is not None:
            parts.append(compose("select item_id, {bit} from ({select}) as c", bit=Fragment(str(bit)), select=select))
    return join(" union all ", parts)


def _of_version(ask: Ask) -> dict[str, Fragment]:
    """What only a version with vectors can tell of a candidate."""
    nothing = Fragment("null::float8")
    if ask.version_id is None:
        without = Fragment("")
        together = Fragment("null::float8, null::int")
        return {
            "before": _listed(ask),
            "names": Fragment("i.source, i.object_id"),
            "personal": nothing,
            "together": together,
            "vector": nothing,
            "joins": without,
        }
    version = Fragment(str(int(ask.version_id)))
    vectors = store.vectors_table(ask.version_id)
    gathered = len(ask.history) > 0
    nearness = nothing
    if ask.query is not None:
        nearness = compose("-{distance}", distance=store.distance(Fragment("w.vector"), ask.query))
    return {
        "before": join("", [_listed(ask), _gathered(ask, version) if gathered else Fragment("")]),
        "names": Fragment("coalesce(w.source, i.source), coalesce(w.object_id, i.object_id)"),
        "personal": nearness,
        "together": Fragment("g.strength, g.partner" if gathered else "null::float8, null::int"),
        "vector": store.packed(Fragment("w.vector")),
        "joins": compose(
            "left join {vectors} as w on w.version_id = {version} and w.item_id = f.item_id {gathered}",
            vectors=vectors,
            version=version,
            gathered=Fragment("left join gathered as g on g.item_id = f.item_id" if gathered else ""),
        ),
    }


def _listed(ask: Ask) -> Fragment:
    """What is allowed, where that is little."""
    if not ask.narrow:
        return Fragment("")
    where = ask.allowed.where(narrow=True, by_text=ask.version_id is None)
    pool = replace(ask, narrow=False).pool
    return compose("allowed as materialized (select v.* from {pool} where {where}), ", pool=pool, where=where)


def _gathered(ask: Ask, version: Fragment) -> Fragment:
    """`inference.blend.combine` in SQL, since the table of neighbours is there."""
    return compose(
        "gathered as materialized (select t.other as item_id, sum(t.weight * h.weight) as strength,"
        " (max(array[t.weight * h.weight, h.position]))[2]::int - 1 as partner"
        " from unnest({history}::bigint[], {weights}::float8[]) with ordinality as h(item_id, weight, position)"
        " join {neighbours} as n on n.version_id = {version} and n.item_id = h.item_id"
        " cross join lateral unnest(n.others, n.weights) as t(other, weight) group by t.other), ",
        history=[int(item) for item in ask.history],
        weights=[float(weight) for weight in ask.weights],
        neighbours=store.neighbours_table(ask.version_id or 0),
        version=version,
    )


def read(rows: Rows, names: Sequence[str] = DEFAULT) -> Candidates:
    """The rows of `statement`, as arrays; without items that were deleted a moment ago."""
    rows = [row for row in rows if row[1] is not None]
    bits = _bits(names)
    filling = sum(bits[name][0] for name in FILLING)
    names_of: dict[int, frozenset[str]] = {}
    for found in {row[3] for row in rows}:
        names_of[found] = frozenset(name for name, (bit, _source) in bits.items() if found & bit)
    numbers = np.array([[np.nan if cell is None else cell for cell in row[4:10]] for row in rows], np.float64)
    personal, together, partner, popular, trending, days = numbers.reshape(-1, 6).T
    features = {
        PERSONAL: personal,
        TOGETHER: np.nan_to_num(together),
        POPULAR: np.log1p(np.nan_to_num(popular)),
        FRESH: -np.log1p(np.maximum(days, 0)),
    }
    return Candidates(
        np.array([row[0] for row in rows], np.int64),
        [row[1] for row in rows],
        [row[2] for row in rows],
        [names_of[row[3]] for row in rows],
        np.array([not row[3] & ~filling for row in rows], np.bool_),
        {name: values.astype(np.float32) for name, values in features.items()},
        np.nan_to_num(trending).astype(np.float32),
        days,
        np.nan_to_num(partner, nan=-1).astype(np.int64),
        store.unpack([row[10] for row in rows]),
        [json.loads(row[11]) if isinstance(row[11], str) else row[11] or {} for row in rows],
    )
