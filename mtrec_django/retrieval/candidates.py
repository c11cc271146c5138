"""Where candidates come from: one small class a source, all of them in one statement. `sources` knows them by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..inference.blend import PERSONAL, POPULAR, SOURCE_CANDIDATES, TOGETHER, VECTOR_CANDIDATES
from . import store
from .filters import YES, Allowed, Keys
from .statement import Fragment, compose

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
    visitor: int | None = None
    history: Sequence[int] = ()  # items, most recent first
    weights: Sequence[float] = ()  # what each event of the history counts
    vectors: Floats | None = None  # of the history, NaN where unknown [events, dim]
    on_page: bool = False
    """Whether the first of the history is the item on the page."""
    goal: Mapping[str, float] = field(default_factory=dict)
    """What an event of each kind is worth in the scenario; only what is wanted, so never below zero."""
    narrow: bool = False
    """Whether so little is allowed that it is best listed first."""
    marks: tuple[Keys, ...] = ()
    """Querysets of which it is told whether they hold each candidate."""
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

    def first(self, ranked: Fragment, limit: int, *, scored: bool = False) -> Fragment:
        """The first so many of `ranked`, a SELECT of `item_id, strength`, that the pool holds and that are allowed.

        They are tried in their order and no further than needed; left to itself, Postgres would look up all of them.
        With `scored` a `partner` is selected as well, and all three are passed on.
        """
        columns = Fragment("r.item_id, r.strength, r.partner" if scored else "r.item_id")
        if self.narrow:
            return compose(
                "select {columns} from ({ranked}) as r join allowed as v using (item_id)"
                " order by r.strength desc, r.item_id limit {limit}",
                columns=columns,
                ranked=ranked,
                limit=limit,
            )
        return compose(
            "select {columns} from ({ranked} order by 2 desc, 1 limit {most}) as r"
            " cross join lateral (select from {pool} where v.item_id = r.item_id and {where} limit 1) as found"
            " order by r.strength desc, r.item_id limit {limit}",
            columns=columns,
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
    reason: ClassVar[str | Promise] = ""
    """Why an item is shown that it speaks for most."""
    reason_with: ClassVar[str | Promise] = ""
    """The same where it speaks of an item of the history, as "Often bought with {item}"."""
    scored: ClassVar[bool] = False
    """Whether it says how strongly it speaks for an item, so that ranking can weigh it."""
    weight: ClassVar[float] = 0.2
    """What a scored source counts in ranking, where the scenario does not say; the nearest by vector count 1."""

    def select(self, ask: Ask) -> Fragment | None:
        """A SELECT of `item_id` from `ask.pool` where `ask.where`, the best first; None when it has nothing to say.

        A scored source selects `item_id, strength, partner`: a number above 0, and the place in the history of the
        item that it speaks of, -1 for none. `ask.first` makes such a SELECT of any ranking.
        """
        raise NotImplementedError


class Personal(CandidateSource):
    """The nearest items to what the visitor's events add up to."""

    name = PERSONAL
    reason = _("Picked for you")
    reason_with = _("Because you viewed {item}")
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
    reason = _("Often chosen together")
    reason_with = _("Often chosen with {item}")

    def select(self, ask: Ask) -> Fragment | None:
        if ask.version_id is None or not len(ask.history):
            return None
        return ask.first(Fragment("select item_id, strength from gathered where strength > 0"), self.limit)


class Popular(CandidateSource):
    """What is wanted most in this scenario."""

    name = POPULAR
    reason = _("Popular")

    def select(self, ask: Ask) -> Fragment | None:
        return _by_score(ask, Fragment("popular"), max(self.limit, ask.n))


class Trending(CandidateSource):
    """What is wanted most of late."""

    name = TRENDING
    reason = _("Popular right now")

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
        history=[int(item) for item in ask.history],
        weights=[float(weight) for weight in ask.weights],
        table=table,
    )
