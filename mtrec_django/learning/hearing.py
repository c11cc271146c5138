"""What the events of a data set say, before anything is learned from them.

Impressions go: one by itself says nothing, many in vain see `unanswered`. Low ratings become a kind of their own. A
scenario that nobody told whether it wants repeats wants them where they are frequent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..dataset import Bools, Dataset, Floats, Goal
from ..inference.blend import VISIT_SECONDS
from ..inference.polarity import LOW, RATING, SILENT, says_no
from .unanswered import both, shown_often

LOWEST_SHARE = 0.3
"""Of the span of all ratings; what lies below says no: 1 and 2 of five stars, 1 to 3 of ten."""

FREQUENT = 0.1
"""Share of events on items had in an earlier visit from which on a scenario wants repeats."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The data as they are learned from."""

    dataset: Dataset
    kept: Bools  # [events of the data before]
    low: dict[str, float] = field(default_factory=dict)
    """Kind -> the highest value that says no."""

    def config(self) -> dict[str, Any]:
        """What serving must know to hear the same."""
        return {"low": self.low, "against": against(self.dataset)}


def hear(dataset: Dataset, *, like: Mapping[str, Any] | None = None) -> Heard:
    """Tell events apart; with the configuration of a version, by what that version heard."""
    kept = np.array([kind != SILENT for kind in dataset.kinds], bool)[dataset.events.kind]
    if not kept.all():
        shown = both(dataset.shown, shown_often(dataset, ~kept))
        dataset = replace(dataset, events=dataset.events[kept], shown=shown)
    low = _bounds(dataset) if like is None else dict(like.get("low", {}))
    known = {goal["name"]: goal["repeats"] for goal in like.get("goals", ())} if like else {}
    for kind, bound in low.items():
        dataset = _apart(dataset, kind, bound)
    goals = [_settled(dataset, position, known.get(goal.name)) for position, goal in enumerate(dataset.goals)]
    return Heard(replace(dataset, goals=goals), kept, low)


def against(dataset: Dataset) -> list[str]:
    """Kinds that say no and count for something in no goal."""
    wanted = {kind for goal in dataset.goals for kind, weight in goal.weights.items() if weight > 0}
    named = {kind for goal in dataset.goals for kind, weight in goal.weights.items() if weight < 0}
    return [kind for kind in dataset.kinds if (says_no(kind) or kind in named) and kind not in wanted]


def refusals(dataset: Dataset) -> Floats:
    """How strongly each event says no, at most 1, as a share of the most that a yes counts. [events]"""
    strength = np.zeros(len(dataset.kinds), np.float32)
    for position, kind in enumerate(dataset.kinds):
        if kind in against(dataset):
            strength[position] = max((_strength(goal, kind) for goal in dataset.goals), default=1.0)
    return strength[dataset.events.kind]


def _strength(goal: Goal, kind: str) -> float:
    largest = max(goal.weights.values(), default=0.0)
    return min(1.0, -goal.weights.get(kind, -max(largest, 1.0)) / max(largest, 1e-9)) if largest > 0 else 0.0


def _bounds(dataset: Dataset) -> dict[str, float]:
    if RATING not in dataset.kinds:
        return {}
    values = dataset.events.value[dataset.events.kind == dataset.kinds.index(RATING)]
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    lowest, highest = np.quantile(values, [0.01, 0.99])
    return {RATING: float(lowest + LOWEST_SHARE * (highest - lowest))} if highest > lowest else {}


def _apart(dataset: Dataset, kind: str, bound: float) -> Dataset:
    """The same with low values as a kind of its own."""
    if kind not in dataset.kinds:
        return dataset
    events, name = dataset.events, kind + LOW
    kinds = dataset.kinds if name in dataset.kinds else [*dataset.kinds, name]
    low = (events.kind == kinds.index(kind)) & (events.value <= bound)
    codes = np.where(low, kinds.index(name), events.kind).astype(np.int32)
    return replace(dataset, kinds=kinds, events=replace(events, kind=codes))


def _settled(dataset: Dataset, position: int, known: bool | None) -> Goal:
    goal = dataset.goals[position]
    if goal.repeats is not None:
        return goal
    return replace(goal, repeats=repeat_share(dataset, position) >= FREQUENT if known is None else known)


def repeat_share(dataset: Dataset, scenario: int) -> float:
    """Of the wanted events of visitors who had been there before, the share on items had in an earlier visit."""
    events = dataset.events
    rows = np.flatnonzero(dataset.weight(scenario) > 0)
    user, item, time = events.user[rows].astype(np.int64), events.item[rows], events.time[rows]
    if not len(rows):
        return 0.0
    first_visit = _first(user, time)
    pair = user * max(len(dataset.items), 1) + item
    back = time - first_visit > VISIT_SECONDS
    again = time - _first(pair, time) > VISIT_SECONDS
    return float(again[back].mean()) if back.any() else 0.0


def _first(keys: np.ndarray, time: np.ndarray) -> np.ndarray:
    """The earliest time of each row's key. [rows]"""
    _, at = np.unique(keys, return_inverse=True)
    first = np.full(at.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, at, time)
    return first[at]
