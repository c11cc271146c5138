"""What anyone could use instead: popularity, ItemKNN, EASE, iALS and nearest texts, each tuned on validation.

All of them rank every item by one score and know nothing of the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from ..dataset import Dataset, Floats, Ints
from ..inference.blend import Blend
from .candidates import Score, full_ranking
from .evaluation import per_query
from .neighbours import Neighbours, ease, had, item_knn
from .queries import Queries, histories
from .sources import constant, product

EVER = 1_000_000
"""Events of a history that a baseline reads: all."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a baseline may learn from: the events of one scenario (or of all) in a part of the data."""

    dataset: Dataset  # with all events: histories are read from it
    matrix: sparse.csr_matrix  # [users, items], who had what
    counts: Floats  # [items]
    similar: Floats  # [items, n]
    tables: dict[str, sparse.csr_matrix] = field(default_factory=dict)  # made so far, by what they were made with

    def table(self, name: str, make: Callable[[], Neighbours]) -> sparse.csr_matrix:
        """A table of neighbours, made once: settings that only read it in another way share it."""
        if name not in self.tables:
            self.tables[name] = make().matrix()
        return self.tables[name]

    @classmethod
    def of(cls, dataset: Dataset, known: Dataset, scenario: int | None, similar: Floats) -> Known:
        """`known` holds the events that may be learned from; a scenario of None pools all of them."""
        goals = range(len(known.goals)) if scenario is None else (scenario,)
        weight = np.max([known.weight(goal) for goal in goals], axis=0)
        matrix = had(known.events, weight, len(known.users), len(known.items))
        return cls(dataset, matrix, np.asarray(matrix.sum(axis=0)).ravel().astype(np.float32), similar)


Baseline = Callable[..., Callable[[Queries], Score]]


def popularity(known: Known) -> Callable[[Queries], Score]:
    """How many had it."""
    return lambda asked: constant(known.counts)


def itemknn(known: Known, *, shrink: float = 10.0, decay: float = 1.0, n: int = 100) -> Callable[[Queries], Score]:
    """Sum of cosines to the items of the history; with a decay the recent ones count more."""
    table = known.table(f"itemknn {shrink} {n}", lambda: item_knn(known.matrix, n, shrink=shrink))
    return _by_table(known, table, decay)


def ease_full(known: Known, *, ridge: float = 100.0, decay: float = 1.0) -> Callable[[Queries], Score]:
    """EASE (Steck 2019), exact."""
    items = known.matrix.shape[1]
    table = known.table(f"ease {ridge}", lambda: ease(known.matrix, min(1000, items), ridge=ridge, most=items))
    return _by_table(known, table, decay)


def ials(
    known: Known, *, factors: int = 64, alpha: float = 10.0, seed: int = 0, threads: int = 2
) -> Callable[[Queries], Score]:
    """Implicit ALS (Hu, Koren & Volinsky 2008), by the library `implicit`; visitors are folded in by their history."""
    from implicit.cpu.als import AlternatingLeastSquares

    with threadpool_limits(1, "blas"):  # its own threads and those of BLAS get into each other's way
        model = AlternatingLeastSquares(
            factors=factors, regularization=0.05, alpha=alpha, iterations=15, random_state=seed, num_threads=threads
        )
        model.fit(known.matrix, show_progress=False)

    def score(asked: Queries) -> Score:
        with threadpool_limits(1, "blas"):
            users = model.recalculate_user(np.arange(len(asked)), _history(known, asked, 1.0))
        return lambda rows: np.asarray(users[rows] @ model.item_factors.T, np.float32)

    return score


def textknn(known: Known, *, decay: float = 0.8) -> Callable[[Queries], Score]:
    """Cosine to the recency-weighted mean of what the history says."""

    def score(asked: Queries) -> Score:
        history = _history(known, asked, decay, binary=False)
        return lambda rows: np.asarray((history[rows] @ known.similar) @ known.similar.T, np.float32)

    return score


def _by_table(known: Known, table: sparse.csr_matrix, decay: float) -> Callable[[Queries], Score]:
    return lambda asked: product(_history(known, asked, decay, binary=decay == 1.0), table)


def _history(known: Known, asked: Queries, decay: float, *, binary: bool = True) -> sparse.csr_matrix:
    dataset = known.dataset
    reading = Blend(decay=decay, kinds=dict.fromkeys(dataset.kinds, 1.0))  # they know no kinds, so none says no
    history = histories(dataset.events, asked, len(dataset.items), reading, dataset.kinds, longest=EVER)
    if binary:
        history.data[:] = 1
    return history


GRIDS: dict[str, tuple[Baseline, list[dict[str, Any]]]] = {
    "popularity": (popularity, [{}]),
    "itemknn": (itemknn, [{"shrink": shrink} for shrink in (0.0, 10.0, 50.0)]),
    "itemknn-recency": (itemknn, [{"decay": decay} for decay in (0.95, 0.9, 0.8, 0.7, 0.5)]),
    "ease": (ease_full, [{"ridge": ridge} for ridge in (50.0, 200.0, 500.0)]),
    "ease-recency": (ease_full, [{"ridge": 200.0, "decay": decay} for decay in (0.9, 0.7)]),
    "ials": (ials, [{"factors": factors, "alpha": alpha} for factors in (64, 128) for alpha in (1.0, 10.0)]),
    "textknn": (textknn, [{"decay": decay} for decay in (1.0, 0.8, 0.5)]),
}

CLASSICAL = ("popularity", "itemknn", "ials", "ease")


@dataclass(slots=True)
class Result:
    """The lists of one baseline."""

    lists: Ints  # [queries, 50]
    score: Score
    setting: dict[str, Any]
    validation: float
    seconds: float
    tried: dict[str, float] = field(default_factory=dict)


def run_baselines(
    train: Known, both: Known, validation: Queries, test: Queries, *, names: Iterable[str], most_validation: int = 3000
) -> dict[str, Result]:
    """Choose each one's setting on validation, refit it on training and validation, rank for test."""
    few = validation.sample(most_validation, 0)
    catalogue = train.dataset.catalogue[test.scenario]
    results: dict[str, Result] = {}
    for name in names:
        started = time.perf_counter()
        build, grid = GRIDS[name]
        tried = {}
        for setting in grid if len(grid) > 1 and len(few) else []:
            lists = full_ranking(few, catalogue, build(train, **setting)(few), 10)
            tried[str(setting)] = float(per_query(lists, few.relevant)["ndcg@10"].mean())
        best = max(grid, key=lambda setting: tried.get(str(setting), 0.0))
        score = build(both, **best)(test)
        lists = full_ranking(test, catalogue, score)
        value = tried.get(str(best), 0.0)
        results[name] = Result(lists, score, best, value, time.perf_counter() - started, tried)
    return results
