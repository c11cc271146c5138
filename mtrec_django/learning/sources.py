"""The sources beside the vectors: tables of neighbours and priors, and the recipe that makes them of any events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from ..dataset import Bools, Dataset, Floats
from ..inference.blend import TEXT, Blend
from ..representation.features import ColdPlaces
from .candidates import full_ndcg
from .neighbours import (
    Neighbours,
    completed,
    ease,
    had,
    item_knn,
    log_prior,
    mixed,
    stressed,
    with_cold,
    with_own,
)
from .queries import Queries, histories, visits
from .sampling import repeated, target_weights
from .settings import Settings

DAY = 86_400
HALF_LIVES = (0, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY)
"""Of a prior, in seconds; 0 is no decay."""


MOST_ALIKE = 0.8
"""Where a scenario wants more than this share of what is wanted of its catalogue anywhere, it needs no own table."""
QUICK_EASE = 5_000
"""EASE of so many items or visitors takes seconds."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the sources are made; chosen on validation, then used on all events."""

    table: str = "knn"  # see `made`
    text_share: float = 0.0  # of the neighbours by text, beside 1 of the table
    own: float = 0.0  # what an item's own events say of it, as a share of all its neighbours; below 0 against it
    half_life: list[float] = field(default_factory=list)  # of each goal's prior, seconds
    cold_share: float = 0.0  # of what the nearest of an item without events go with, see `with_cold`
    cold_stress: float = 1.0  # of items without events in the lists of others
    unmet_text: list[float] = field(default_factory=list)  # what the text counts in each goal's blend at least

    def build(
        self,
        dataset: Dataset,
        settings: Settings,
        by_text: Callable[[], Neighbours],
        cold_places: Callable[[Dataset], ColdPlaces],
    ) -> Neighbours:
        """The table of neighbours from all events of the data set; those by text, and the places of items without
        events, are asked for where they count."""
        counts = np.bincount(dataset.events.item, minlength=len(dataset.items))
        table = made(self.table, dataset, settings)
        text = by_text() if self.text_share > 0 else None
        places = cold_places(dataset) if self.cold_share > 0 else None
        return self.composed(table, text, places, counts == 0)

    def composed(
        self, table: Neighbours, text: Neighbours | None, places: ColdPlaces | None, cold: Bools
    ) -> Neighbours:
        """The parts put together, as `build` makes them. `cold`: which items have no events. [items]"""
        if places is not None:
            table = with_cold(table, places, self.cold_share)
        if text is not None:
            table = mixed([(1.0, table), (self.text_share, text)])
        return stressed(with_own(table, self.own), cold, self.cold_stress)

    def heeded(self, blends: Sequence[Blend]) -> list[Blend]:
        """Each goal's blend, in which what is written counts as much as items without events need at least."""
        least = self.unmet_text or [0.0] * len(blends)
        return [
            replace(blend, weights={**blend.weights, TEXT: weight}) if weight > blend.weights.get(TEXT, 0.0) else blend
            for blend, weight in zip(blends, least, strict=True)
        ]

    def priors(self, dataset: Dataset, *, now: int | None = None) -> Floats:
        """The log prior of every goal. [goals, items]"""
        rows = [prior(dataset, goal, self.half_life[goal], now=now) for goal in range(len(dataset.goals))]
        return np.stack(rows) if rows else np.zeros((0, len(dataset.items)), np.float32)


def positive(dataset: Dataset) -> sparse.csr_matrix:
    """Who wanted what, in any scenario. [users, items]"""
    return had(dataset.events, target_weights(dataset), len(dataset.users), len(dataset.items))


def wanted_in(dataset: Dataset, goal: int) -> sparse.csr_matrix:
    """Who wanted what in one scenario. [users, items]"""
    return had(dataset.events, dataset.weight(goal), len(dataset.users), len(dataset.items))


def by_visit(dataset: Dataset) -> sparse.csr_matrix:
    """What was wanted in each visit, in any scenario; what is had again counts again. [visits, items]"""
    visit = visits(dataset.events)
    wanted = np.zeros(len(visit), np.float32)
    for goal in range(len(dataset.goals)):
        np.maximum(wanted, dataset.weight(goal), out=wanted)
    events = replace(dataset.events, user=visit.astype(np.int32))
    return had(events, wanted, int(visit.max(initial=-1)) + 1, len(dataset.items))


FOR = "knn for "


def table_names(dataset: Dataset, settings: Settings, goals: Iterable[int] = ()) -> list[str]:
    """Which tables are worth a try.

    A weaker ridge only where EASE is quick; tables of visits only where most of what is wanted is wanted together with
    something else, as in orders of many lines; tables for one of `goals` only where a good part of what is wanted of
    its catalogue is not wanted there, as views beside purchases.
    """
    if settings.quick:
        return ["knn"]
    quick = min(len(dataset.items), len(dataset.users)) <= QUICK_EASE
    names = ["knn", "ease", *(["ease light"] if quick else [])]
    size = np.asarray(by_visit(dataset).sum(axis=1)).ravel()
    if size[size > 1].sum() > 0.5 * size.sum() and (size > 0).sum() > 1.5 * len(np.unique(dataset.events.user)):
        names += ["knn visit", "ease visit", *(["ease visit light"] if len(dataset.items) <= QUICK_EASE else [])]
    return [*names, *(FOR + dataset.goals[goal].name for goal in goals if _stands_out(dataset, goal))]


def _stands_out(dataset: Dataset, goal: int) -> bool:
    anywhere = int(positive(dataset)[:, dataset.catalogue[goal]].nnz)
    return 0 < wanted_in(dataset, goal).nnz < MOST_ALIKE * anywhere


def made(name: str, dataset: Dataset, settings: Settings) -> Neighbours:
    """The table by its name: "knn" or "ease", of what a visitor or, with "visit", of what one visit brings together.

    "knn for" a scenario leads from what is wanted anywhere to what is wanted there. The ridge of EASE grows with the
    events of an item: dense data need more; "light" is a quarter of it. Where EASE does not know an item, ItemKNN
    speaks for it.
    """
    if name.startswith(FOR):
        goal = dataset.scenario(name.removeprefix(FOR))
        return item_knn(positive(dataset), settings.neighbours, towards=wanted_in(dataset, goal))
    kind, *how = name.split()
    matrix = by_visit(dataset) if "visit" in how else positive(dataset)
    if kind == "knn":
        return item_knn(matrix, settings.neighbours)
    ridge = float(np.clip(5 * matrix.nnz / max(matrix.shape[1], 1), 50, 1000)) / (4 if "light" in how else 1)
    table = ease(matrix, settings.neighbours, ridge=ridge, most=settings.ease_items)
    silent: Bools = np.all(table.others < 0, axis=1)
    return completed(table, item_knn(matrix, settings.neighbours), silent) if silent.any() else table


def prior(dataset: Dataset, scenario: int, half_life: float, *, now: int | None = None) -> Floats:
    """The log prior of one goal; repeats do not count where it does not want them. [items]"""
    weight = dataset.weight(scenario)
    if not dataset.goals[scenario].repeats:
        weight = np.where(repeated(dataset.events), 0, weight)
    return log_prior(dataset.events, weight, len(dataset.items), half_life=half_life, now=now)


def together_ndcg(dataset: Dataset, asked: Queries, table: sparse.csr_matrix, blend: Blend) -> float:
    """NDCG@10 of a table alone."""
    if not len(asked):
        return 0.0
    history = histories(dataset.events, asked, len(dataset.items), blend, dataset.kinds)
    return float(full_ndcg(asked, dataset.catalogue[asked.scenario], product(history, table)).mean())


def product(history: sparse.csr_matrix, table: sparse.csr_matrix) -> Callable[[slice], Floats]:
    """The scores of all items by a table, for a range of questions."""
    return lambda rows: np.asarray((history[rows] @ table).todense(), np.float32)


def constant(values: Floats) -> Callable[[slice], Floats]:
    """The same scores for every question."""
    return lambda rows: np.broadcast_to(values, (rows.stop - rows.start, len(values)))
