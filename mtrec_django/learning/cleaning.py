"""What is left out before training, explicit and counted by cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import ELSEWHERE, Bools, Dataset, Events

BOT_EVENTS = 1000
"""Fewer events in a day are never taken for a machine's."""
BOT_SECONDS = 3.0
"""A visitor with so many events in a day and a shorter mean pause is no person."""
DAY = 86_400
EARLIEST = 315_532_800  # 1980


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The data that remain and what went, by cause."""

    dataset: Dataset
    removed: dict[str, int]
    kept: Bools  # [events] of the data before


def clean(dataset: Dataset, *, now: int | None = None) -> Cleaned:
    """Leave out what cannot be: positions out of range, impossible times, exact duplicates, machines.

    `now` (unix seconds): events more than a day later are impossible.
    """
    events = dataset.events
    causes = {
        "out of range": _out_of_range(dataset),
        "impossible value": np.isinf(events.value),
        "impossible time": _impossible_time(events, now),
        "duplicate": _duplicates(events),
        "machine": _machines(events, len(dataset.users)),
    }
    kept = np.ones(len(events), bool)
    removed: dict[str, int] = {}
    for cause, rows in causes.items():
        removed[cause] = int(np.sum(rows & kept))
        kept &= ~rows
    return Cleaned(dataset if kept.all() else dataset.with_events(events[kept]), removed, kept)


def _out_of_range(dataset: Dataset) -> Bools:
    events = dataset.events
    bad = np.zeros(len(events), bool)
    for column, size in (
        (events.user, len(dataset.users)),
        (events.item, len(dataset.items)),
        (events.kind, len(dataset.kinds)),
    ):
        bad |= (column < 0) | (column >= size)
    return bad | (events.scenario < ELSEWHERE) | (events.scenario >= len(dataset.goals))


def _impossible_time(events: Events, now: int | None) -> Bools:
    bad = (events.time != 0) & (events.time < EARLIEST)
    return bad if now is None else bad | (events.time > now + DAY)


def _duplicates(events: Events) -> Bools:
    """The same visitor, item, kind and scenario at the same second; only where times are known."""
    order = np.lexsort((events.scenario, events.kind, events.item, events.time, events.user))
    same = np.ones(max(len(order) - 1, 0), bool)
    for column in (events.user, events.time, events.item, events.kind, events.scenario):
        same &= column[order][1:] == column[order][:-1]
    out = np.zeros(len(events), bool)
    out[order[1:]] = same
    return out & (events.time > 0)


def _machines(events: Events, users: int) -> Bools:
    """Thousands of events in little time, at distinct moments: an order of many lines is one moment, so it is safe."""
    moments = np.ones(len(events), bool)
    if len(events):
        moments[1:] = (events.user[1:] != events.user[:-1]) | (events.time[1:] != events.time[:-1])
    moments &= (events.time > 0) & (events.user >= 0) & (events.user < users)
    if not moments.any():
        return np.zeros(len(events), bool)
    day = events.time // DAY
    keys = events.user[moments].astype(np.int64) * (int(day.max()) + 1) + day[moments]
    _, first, at, count = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    times = events.time[moments]
    span = np.zeros(len(first), np.int64)
    np.maximum.at(span, at, times - times[first][at])
    busy = (count >= BOT_EVENTS) & (span < BOT_SECONDS * count)
    machine = np.zeros(users, bool)
    machine[events.user[moments][first[busy]]] = True
    return machine[np.clip(events.user, 0, users - 1)]
