"""The sources beside the vectors: tables of neighbours and priors, and the recipe that makes them of any events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from ..dataset import Dataset, Floats
from ..inference.blend import Blend
from .candidates import full_ranking
from .evaluation import per_query
from .neighbours import Neighbours, completed, ease, had, item_knn, log_prior, mixed, text_neighbours
from .queries import Queries, histories
from .sampling import repeated, target_weights
from .settings import Settings

DAY = 86_400
HALF_LIVES = (0, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY)
"""Of a prior, in seconds; 0 is no decay."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the sources are made; chosen on validation, then used on all events."""

    table: str = "knn"  # "knn" or "ease"
    text_share: float = 0.0  # of the neighbours by text, beside 1 of the table
    half_life: list[float] = field(default_factory=list)  # of each goal's prior, seconds

    def build(self, dataset: Dataset, settings: Settings, similar: Floats) -> Neighbours:
        """The table of neighbours from all events of the data set."""
        table = made(self.table, positive(dataset), settings)
        if self.text_share <= 0:
            return table
        return mixed([(1.0, table), (self.text_share, text_neighbours(similar, settings.neighbours))])

    def priors(self, dataset: Dataset, *, now: int | None = None) -> Floats:
        """The log prior of every goal. [goals, items]"""
        rows = [prior(dataset, goal, self.half_life[goal], now=now) for goal in range(len(dataset.goals))]
        return np.stack(rows) if rows else np.zeros((0, len(dataset.items)), np.float32)


def positive(dataset: Dataset) -> sparse.csr_matrix:
    """Who wanted what, in any scenario. [users, items]"""
    return had(dataset.events, target_weights(dataset), len(dataset.users), len(dataset.items))


def made(name: str, matrix: sparse.csr_matrix, settings: Settings) -> Neighbours:
    """The table by its name. The ridge of EASE grows with the events of an item: dense data need more.

    Where EASE does not know an item, ItemKNN speaks for it.
    """
    if name == "knn":
        return item_knn(matrix, settings.neighbours)
    ridge = float(np.clip(5 * matrix.nnz / max(matrix.shape[1], 1), 50, 1000))
    table = ease(matrix, settings.neighbours, ridge=ridge, most=settings.ease_items)
    silent = (table.others < 0).all(axis=1)
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
    lists = full_ranking(asked, dataset.catalogue[asked.scenario], product(history, table), 10)
    return float(per_query(lists, asked.relevant)["ndcg@10"].mean())


def product(history: sparse.csr_matrix, table: sparse.csr_matrix) -> Callable[[slice], Floats]:
    """The scores of all items by a table, for a range of questions."""
    return lambda rows: np.asarray((history[rows] @ table).todense(), np.float32)


def constant(values: Floats) -> Callable[[slice], Floats]:
    """The same scores for every question."""
    return lambda rows: np.broadcast_to(values, (rows.stop - rows.start, len(values)))
