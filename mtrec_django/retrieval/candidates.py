"""Where candidates come from: one small class a source, all of them in one statement.

A site adds a source by subclassing `CandidateSource` and registering it:

    @register_source
    class FromFriends(CandidateSource):
        name = "friends"

        def select(self, ask):
            return compose("select v.item_id from {pool} join … where {where} order by … limit {limit}", …)

and names it in the scenario's options: `"candidates": ["personal", "together", "popular", "friends"]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..exceptions import NotRegistered
from ..inference.blend import PERSONAL, POPULAR, SOURCE_CANDIDATES, TOGETHER, VECTOR_CANDIDATES
from . import store
from .filters import YES, Allowed
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
