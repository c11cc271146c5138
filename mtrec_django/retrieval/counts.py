"""How much each item is wanted in a scenario, as a process holds it: to look hundreds of candidates up takes Postgres
as long as half a search.

16 bytes an item that was ever met. Read anew whenever they were counted again, see `serving.live`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from . import store
from .statement import compose, read

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

FIRST = 2000
"""How many of a ranking are held in its order; no answer looks further where nearly everything is allowed."""


def _no_floats() -> Floats:
    return np.empty(0, np.float32)


def _no_longs() -> Longs:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Counts:
    """Popularity and trend of the items of one scenario."""

    items: Longs = field(default_factory=_no_longs)  # ascending
    popular: Floats = field(default_factory=_no_floats)
    trending: Floats = field(default_factory=_no_floats)
    most_popular: Sequence[int] = ()  # the first items, the most popular first
    most_trending: Sequence[int] = ()

    def of(self, items: Longs) -> tuple[Floats, Floats]:
        """Popularity and trend of each of some items; 0 for those that nobody met."""
        if not len(self.items):
            return np.zeros(len(items), np.float32), np.zeros(len(items), np.float32)
        at = np.minimum(np.searchsorted(self.items, items), len(self.items) - 1)
        there = self.items[at] == items
        return self.popular[at] * there, self.trending[at] * there


def read_counts(scenario_id: int) -> Counts:
    """The counts of a scenario as they are now.

    Raises:
        DatabaseError: what Postgres said.
    """
    asked = compose(
        "select string_agg(int8send(item_id), ''), string_agg(float8send(popular), ''),"
        " string_agg(float8send(trending), '') from (select item_id, popular, trending from mtrec_itemscore"
        " where scenario_id = {scenario}::bigint order by item_id) as s",
        scenario=scenario_id,
    )
    ((packed,),) = read([asked], using=store.database(), again=True)
    if packed[0] is None:
        return Counts()
    items = np.frombuffer(packed[0], ">i8").astype(np.int64)
    popular, trending = (np.frombuffer(one, ">f8").astype(np.float32) for one in packed[1:])
    return Counts(items, popular, trending, _first(items, popular), _first(items, trending))


def _first(items: Longs, counts: Floats) -> list[int]:
    """The items with the highest counts above nothing; of equal ones the oldest."""
    order = np.argsort(-counts, kind="stable")[:FIRST]
    return items[order[counts[order] > 0]].tolist()
