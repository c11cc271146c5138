"""Where candidates come from: one small class a source, all of them in one statement. `sources` knows them by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..inference.blend import PERSONAL, POPULAR, SOURCE_CANDIDATES, TOGETHER, VECTOR_CANDIDATES
from . import lists, store
from .counts import Counts
from .filters import YES, Allowed, Keys
from .gathering import Gathered
from .statement import Fragment, compose, join, literal, longs

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

TRENDING = "trending"
NEW = "new"

TRIED = 10_000
"""How many of a ranking are tried under a filter before it is given up."""
FEW = 2000
"""So many allowed items are soon looked up in a ranking; of more, the ranking is tried instead."""
EXCLUDED_NEAR = 50
"""How many excluded items are expected among the nearest: what was met is near to what is asked for."""
TRIED_FOR_ONE = 3
"""How much longer a ranking than the estimate says is tried in what is listed."""
TRIED_UNFILTERED = 300
"""The same where all but what is sold out or seen is allowed."""
DEEP = 0.6
"""Share of the catalogue below which lists are read; measured."""
FEW_OBJECTS = 100
"""So many objects may be left out one by one and still nearly everything is allowed."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for, as the sources see it."""

    scenario_id: int | None
    allowed: Allowed
    n: int
    version_id: int | None = None
    """The base version whose vectors are read; None when there is none, and then nothing but counts is known."""
    query: Floats | None = None  # [dim]
    visitor: int | None = None
    history: Sequence[int] = ()  # items, most recent first
    weights: Sequence[float] = ()  # what each event of the history counts
    gathered: Gathered = field(default_factory=Gathered)  # what goes with the history
    counts: Counts = field(default_factory=Counts)  # how much each item is wanted in the scenario
    vectors: Floats | None = None  # of the history, NaN where unknown [events, dim]
    texts: Floats | None = None
    """What is written on the history, see `inference.texts`, times what each event counts; None where that is compared
    with nothing. [events, width]"""
    on_page: bool = False
    """Whether the first of the history is the item on the page."""
    goal: Mapping[str, float] = field(default_factory=dict)
    """What an event of each kind is worth in the scenario; only what is wanted, so never below zero."""
    narrow: bool = False
    """Whether so little is allowed that it is best listed first."""
    share: float = 1.0
    """About how much of the catalogue is allowed."""
    items: int = 0
    """About how large the catalogue is."""
    lists: int = 0
    """In how many lists the version's vectors are, 0 where there are none."""
    marks: tuple[Keys, ...] = ()
    """Querysets of which it is told whether they hold each candidate."""
    with_items: bool = False
    """Whether the items' own rows are read for all candidates, for categories and age; wide rows, so it takes time."""

    @property
    def width(self) -> int:
        """How many bytes are read of what is written on each candidate."""
        return 0 if self.texts is None else self.texts.shape[1]

    @property
    def nearest(self) -> int:
        """How many of the nearest by vector are wanted."""
        return max(self.n, VECTOR_CANDIDATES)

    @property
    def met(self) -> float:
        """About how many rows a search by vector meets until it has them, and some more: to go on with a search that
        came out short takes several times as long as the search did.
        """
        share = max(self.share, 1e-3)
        spread = 2 * (self.nearest * (1 - min(share, 1.0))) ** 0.5
        return 1.05 * (self.nearest + min(len(self.allowed.excluded), EXCLUDED_NEAR) + spread) / share

    @property
    def deep(self) -> bool:
        """Whether so little is allowed that lists are read for what is near, and all of it tried at once."""
        return bool(self.lists) and not self.narrow and self.share < DEEP and self.allowed.can_be_tried

    @property
    def tried(self) -> int:
        """How many of the nearest are tried then: some more, since the share is an estimate."""
        return ceil(1.1 * (self.nearest + min(len(self.allowed.excluded), EXCLUDED_NEAR)) / max(self.share, 1e-3))

    @property
    def probes(self) -> int:
        """How many lists are read for so many; 0 where none is."""
        return lists.probes(self.tried, self.items, self.lists) if self.deep else 0

    @property
    def is_open(self) -> bool:
        """Whether all but what is sold out or left out one by one is allowed."""
        return not (self.narrow or self.allowed.keys or self.allowed.without or self.left_out > FEW_OBJECTS)

    @property
    def left_out(self) -> int:
        """How many objects are left out one by one."""
        return sum(map(len, self.allowed.objects.values()))

    @property
    def by_name(self) -> bool:
        """Whether sources name items themselves: those of a version, while nearly all are allowed."""
        return self.version_id is not None and self.is_open

    def looked_up(self, ranked: Sequence[int], limit: int) -> list[int]:
        """So many of a ranking of items that about `limit` are allowed, where nearly all are."""
        out = set(self.allowed.excluded)
        most = ceil((limit + self.left_out) / max(self.share, 0.1))
        return [item for item in ranked[: most + len(out)] if item not in out][:most]

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
        return join(" and ", [self.of_version, self.allowed.where(narrow=False)])

    @property
    def of_version(self) -> Fragment:
        """That a row of the pool is of the version, which finding it by its key needs to be told."""
        if self.narrow or self.version_id is None:
            return YES
        return Fragment(f"v.version_id = {int(self.version_id)}")

    @property
    def row(self) -> Fragment:
        """All that is read of a row of the pool."""
        known = "v.item_id, v.source, v.object_id, v.object_key"
        if self.version_id is None:
            return Fragment(f"{known}, v.created_at")
        return Fragment(f"{known}, v.vector, v.text" if self.width else f"{known}, v.vector")

    def first(self, ranked: Fragment, limit: int, *, scored: bool = False) -> Fragment:
        """The first so many of `ranked`, a SELECT of `item_id, strength`, that the pool holds and that are allowed.

        They are tried in their order and no further than needed; left to itself, Postgres would look up all of them.
        With `scored` a `partner` is selected as well, and both are passed on after the row of the pool.
        """
        told = Fragment(", r.strength, r.partner" if scored else "")
        if self.narrow and self.share * self.items <= FEW:
            return compose(
                "select {row} {told} from ({ranked}) as r join allowed as v using (item_id)"
                " order by r.strength desc, r.item_id limit {limit}",
                row=self.row,
                told=told,
                ranked=ranked,
                limit=literal(limit),
            )
        return compose(
            "select found.* {told} from ({ranked} order by 2 desc, 1 limit {most}) as r"
            " cross join lateral (select {row} from {pool} where v.item_id = r.item_id and {where} limit 1) as found"
            " order by r.strength desc, r.item_id limit {limit}",
            told=told,
            ranked=ranked,
            most=literal(min(TRIED, ceil(TRIED_FOR_ONE * limit / max(self.share, 1e-3))) if self.narrow else TRIED),
            row=self.row,
            pool=replace(self, narrow=False).pool,
            where=join(" and ", [replace(self, narrow=False).of_version, _LISTED]) if self.narrow else self.where,
            limit=literal(limit),
        )


_LISTED = Fragment("case when true then r.item_id in (select item_id from allowed) end")
"""Whether a row of a ranking is allowed, by a hash of what is: no planner makes a join of it, which it would get wrong
since it cannot know how much an array holds."""

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
    reason: ClassVar[str | Promise] = ""
    """Why an item is shown that it speaks for most."""
    reason_with: ClassVar[str | Promise] = ""
    """The same where it speaks of an item of the history, as "Often bought with {item}"."""
    whole: ClassVar[bool] = False
    """Whether it selects `ask.row` and not `item_id` alone, which saves looking each of its items up again."""
    scored: ClassVar[bool] = False
    """Whether it says how strongly it speaks for an item, so that ranking can weigh it."""
    weight: ClassVar[float] = 0.2
    """What a scored source counts in ranking, where the scenario does not say; the nearest by vector count 1."""

    def named(self, ask: Ask) -> list[int] | None:
        """The items themselves where they are known without a query, which `ask.looked_up` helps to cut to size: they
        are looked up together with those of other sources. None where `select` is to find them.
        """
        return None

    def select(self, ask: Ask) -> Fragment | None:
        """A SELECT of `item_id` from `ask.pool` where `ask.where`, the best first; None when it has nothing to say.

        A scored source selects `strength` and `partner` as well: a number above 0, and the place in the history of the
        item that it speaks of, -1 for none. `ask.first` makes such a SELECT of any ranking, of whole rows.
        """
        raise NotImplementedError


class Personal(CandidateSource):
    """The nearest items to what the visitor's events add up to."""

    name = PERSONAL
    reason = _("Picked for you")
    reason_with = _("Because you viewed {item}")
    limit = VECTOR_CANDIDATES
    whole = True

    def select(self, ask: Ask) -> Fragment | None:
        if ask.version_id is None or ask.query is None:
            return None
        return _deep(ask, ask.query) if ask.deep else _nearest(ask, ask.query, ask.where)


def _nearest(ask: Ask, query: Floats, where: Fragment) -> Fragment:
    return compose(
        "select {row} from {pool} where {where} order by {distance} limit {limit}",
        row=ask.row,
        pool=ask.pool,
        where=where,
        distance=store.distance(Fragment("v.vector"), query),
        limit=literal(ask.nearest),
    )


def _deep(ask: Ask, query: Floats) -> Fragment:
    """The nearest by lists, of which all are tried at once; where half of what is wanted was not among them, as when a
    queryset holds little of what the visitor likes, the graph is searched, which goes on until there is enough.
    """
    few = compose("(select count(*) from held) < {least}", least=literal(max(ask.n, ask.nearest // 2)))
    return compose(
        "with near as materialized (select * from (select {row}, v.available, {angle} as angle from {pool}"
        " order by angle limit {tried}) as v where {told}),"
        " held as materialized (select {row} from near as v where {held} order by v.angle limit {limit})"
        " select {row} from held as v where not {few} union all ({nearest})",
        row=ask.row,
        angle=store.angle(Fragment("v.vector"), query),
        pool=ask.pool,
        tried=literal(ask.tried),
        told=ask.allowed.told,
        held=ask.allowed.tried(Fragment("near")),
        limit=literal(ask.nearest),
        few=few,
        nearest=_nearest(ask, query, join(" and ", [few, ask.where])),
    )


class Together(CandidateSource):
    """What goes with the items of the history."""

    name = TOGETHER
    reason = _("Often chosen together")
    reason_with = _("Often chosen with {item}")
    whole = True

    def named(self, ask: Ask) -> list[int] | None:
        return ask.looked_up(ask.gathered.strongest(TRIED_UNFILTERED), self.limit) if ask.by_name else None

    def select(self, ask: Ask) -> Fragment | None:
        strongest = ask.gathered.strongest(TRIED if ask.allowed.keys else TRIED_UNFILTERED)
        if ask.version_id is None or not strongest:
            return None
        ranked = (
            "select item_id, -place as strength from unnest({items}::bigint[]) with ordinality as t(item_id, place)"
        )
        return ask.first(compose(ranked, items=longs(strongest)), self.limit)


class Popular(CandidateSource):
    """What is wanted most in this scenario."""

    name = POPULAR
    reason = _("Popular")
    whole = True

    def named(self, ask: Ask) -> list[int] | None:
        return ask.looked_up(ask.counts.most_popular, max(self.limit, ask.n)) if ask.by_name else None

    def select(self, ask: Ask) -> Fragment | None:
        return _by_score(ask, Fragment("popular"), max(self.limit, ask.n))


class Trending(CandidateSource):
    """What is wanted most of late."""

    name = TRENDING
    reason = _("Popular right now")
    whole = True

    def named(self, ask: Ask) -> list[int] | None:
        return ask.looked_up(ask.counts.most_trending, max(self.limit, ask.n)) if ask.by_name else None

    def select(self, ask: Ask) -> Fragment | None:
        return _by_score(ask, Fragment("trending"), max(self.limit, ask.n))


class New(CandidateSource):
    """What came last into the catalogue. It knows every item, so no list is shorter than what is allowed."""

    name = NEW
    reason = _("New")
    limit = 20

    def select(self, ask: Ask) -> Fragment | None:
        limit = max(self.limit, ask.n)
        if ask.narrow:
            return compose(
                "select v.item_id from allowed as v join mtrec_item as i on i.id = v.item_id"
                " order by i.created_at desc, i.id desc limit {limit}",
                limit=literal(limit),
            )
        return compose(
            "select v.item_id from {items} where {where} order by v.created_at desc, v.item_id desc limit {limit}",
            items=_ITEMS,
            where=ask.allowed.where(narrow=True, by_text=True),
            limit=literal(limit),
        )


def _by_score(ask: Ask, column: Fragment, limit: int) -> Fragment | None:
    if ask.scenario_id is None:
        return None
    ranked = compose(
        "select item_id, {column} as strength from mtrec_itemscore"
        " where scenario_id = {scenario}::bigint and {column} > 0",
        column=column,
        scenario=ask.scenario_id,
    )
    return ask.first(ranked, limit)


def gathered(table: Fragment, ask: Ask) -> Fragment:
    """A SELECT of `item_id, strength, partner`: `inference.blend.combine` in SQL, where the table of neighbours is.

    `table` is to be joined as `n`, with `item_id, others, weights`.
    """
    return compose(
        "select t.other as item_id, sum(t.weight * h.weight) as strength,"
        " (max(array[t.weight * h.weight, h.position]))[2]::int - 1 as partner"
        " from unnest({history}::bigint[], {weights}::float8[]) with ordinality as h(item_id, weight, position)"
        " join {table} on n.item_id = h.item_id"
        " cross join lateral unnest(n.others, n.weights) as t(other, weight) group by t.other",
        history=longs(ask.history),
        weights=[float(weight) for weight in ask.weights],
        table=table,
    )
