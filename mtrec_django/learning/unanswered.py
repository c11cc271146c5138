"""What a visitor was shown many times and never answered: a target to be pushed away, and nothing else.

It is no event: it stands in no history and no question, and counts in no table and no prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import Bools, Dataset, Events, Longs, Shown
from .ranges import expand

TIMES = 5
"""Shown in so many lists, an item counts as shown many times."""
MOST_EACH = 20
"""Items of one visitor that are pushed away, the newest."""
WEIGHT = 0.5
"""How strongly, beside 1 of what was wanted."""


def shown_often(dataset: Dataset, silent: Bools) -> Shown:
    """What impressions among the events say was shown many times, each moment counting as one list.

    Args:
        silent: which events are impressions. [events]
    """
    events = dataset.events[silent & (dataset.events.time > 0)]
    pair = _pairs(events.user, events.item, len(dataset.items))
    order = np.lexsort((events.time, pair))
    events, pair = events[order], pair[order]
    again = np.zeros(len(pair), bool)
    again[1:] = (pair[1:] == pair[:-1]) & (events.time[1:] == events.time[:-1])
    events, pair = events[~again], pair[~again]
    rank = np.arange(len(pair)) - np.searchsorted(pair, pair)
    rows = rank == TIMES - 1
    return Shown(events.user[rows], events.item[rows], events.scenario[rows], events.time[rows])


def both(one: Shown, other: Shown) -> Shown:
    """The rows of two; of what is in both, the earlier row stands."""
    names = ("user", "item", "scenario", "time")
    rows = Shown(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))
    order = np.lexsort((rows.time, rows.item, rows.user))
    rows = rows[order]
    first = np.ones(len(rows), bool)
    first[1:] = (rows.user[1:] != rows.user[:-1]) | (rows.item[1:] != rows.item[:-1])
    return rows[first]


def unanswered(dataset: Dataset) -> Shown:
    """What had been shown many times when the events of a data set end, and was in none of its visitor's events.

    Events to come are not asked: what will be answered later is unanswered until then.
    """
    shown, events = dataset.shown, dataset.events
    shown = shown[shown.time <= int(events.time.max(initial=0))]
    if not len(shown):
        return shown
    items = len(dataset.items)
    theirs = events[np.isin(events.user, shown.user)]
    met = np.isin(_pairs(shown.user, shown.item, items), _pairs(theirs.user, theirs.item, items))
    shown = shown[~met]
    shown = shown[np.lexsort((-shown.time, shown.user))]
    rank = np.arange(len(shown)) - np.searchsorted(shown.user, shown.user)
    return shown[rank < MOST_EACH]


def _pairs(user: np.ndarray, item: np.ndarray, items: int) -> Longs:
    return user.astype(np.int64) * max(items, 1) + item


@dataclass(frozen=True, slots=True)
class Placed:
    """The same rows by the event after whose state each is a target. [rows], sorted by place"""

    rows: Shown
    at: Longs  # [rows], position in the events

    @classmethod
    def among(cls, rows: Shown, met: Longs, bounds: Longs) -> Placed:
        """Place rows into events; those of visitors who had none by then are left out.

        Args:
            met: how many events each row's visitor had by then. [rows]
            bounds: where the events of each visitor begin and end. [users + 1]
        """
        at = bounds[rows.user] + met - 1
        there = (met > 0) & (at < bounds[rows.user + 1])
        order = np.flatnonzero(there)[np.argsort(at[there], kind="stable")]
        return cls(rows[order], at[order])

    def within(self, start: Longs, end: Longs) -> tuple[Longs, Longs]:
        """Which rows stand inside of ranges of events: range and row."""
        return expand(np.searchsorted(self.at, start), np.searchsorted(self.at, end))


def met_by_then(rows: Shown, events: Events) -> Longs:
    """How many events each row's visitor had when it counted. [rows]"""
    if not len(rows):
        return np.empty(0, np.int64)
    span = int(max(events.time.max(initial=0), rows.time.max())) + 1
    keys = events.user.astype(np.int64) * span + events.time
    begin = np.searchsorted(events.user, rows.user)
    return np.searchsorted(keys, rows.user.astype(np.int64) * span + rows.time, side="right") - begin
