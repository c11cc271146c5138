"""The sources beside the vectors, built from a part of the events: which table, which decay, which prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from ..dataset import Bools, Dataset, Floats
from ..inference.blend import Blend
from .candidates import full_ranking
from .evaluation import per_query
from .neighbours import Neighbours, ease, had, item_knn, log_prior, mixed, text_neighbours
from .queries import Queries, histories
from .sampling import repeated, target_weights
from .settings import Settings

DECAYS = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
DAY = 86_400
HALF_LIVES = (0, 7 * DAY, 30 * DAY, 90 * DAY)
"""0 is no decay. In seconds."""
HERE = (1.0, 3.0, 10.0)
TEXT_SHARES = (0.25, 1.0)

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the sources are made; chosen on validation, then used on all events."""

    table: str = "knn"  # "knn" or "ease"
    ridge: float = 100.0
    text_share: float = 0.0
    half_life: tuple[float, ...] = ()  # of each goal's prior, seconds

    def build(self, dataset: Dataset, settings: Settings, similar: Floats) -> Neighbours:
        """The table of neighbours from all events of the data set."""
        matrix = positive(dataset)
        table = made(self.table, matrix, settings, self.ridge)
        if self.text_share <= 0:
            return table
        return mixed([(1.0, table), (self.text_share, text_neighbours(similar, settings.neighbours))])

    def priors(self, dataset: Dataset, *, now: int | None = None) -> Floats:
        """The log prior of every goal. [goals, items]"""
        return np.stack(
            [prior(dataset, goal, self.half_life[goal], now=now) for goal in range(len(dataset.goals))]
        ).astype(np.float32)


def positive(dataset: Dataset) -> sparse.csr_matrix:
    """Who wanted what, in any scenario. [users, items]"""
    return had(dataset.events, target_weights(dataset), len(dataset.users), len(dataset.items))


def made(name: str, matrix: sparse.csr_matrix, settings: Settings, ridge: float = 100.0) -> Neighbours:
    """The table by its name."""
    return ease(matrix, settings.neighbours, ridge=ridge) if name == "ease" else item_knn(matrix, settings.neighbours)


def prior(dataset: Dataset, scenario: int, half_life: float, *, now: int | None = None) -> Floats:
    """The log prior of one goal; repeats do not count where it does not want them. [items]"""
    weight = dataset.weight(scenario)
    if not dataset.goals[scenario].repeats:
        weight = np.where(repeated(dataset.events), 0, weight)
    return log_prior(dataset.events, weight, len(dataset.items), half_life=half_life, now=now)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The recipe, its table on training events, and how each scenario reads it."""

    recipe: Recipe
    table: Neighbours
    reading: list[Blend]  # [goals], decay, kinds and here of each
    tried: dict[str, float]  # table -> mean NDCG@10 on validation


def choose_sources(
    full: Dataset, train: Dataset, asked: list[Queries], settings: Settings, similar: Floats, said: Report
) -> Chosen:
    """Try tables, decays and half-lives on validation questions (one set a goal) over the rows of `full`.

    Tables and priors are made of `train` alone.
    """
    matrix = positive(train)
    names = ["knn"] if len(train.items) > settings.ease_items or settings.quick else ["knn", "ease"]
    tables: dict[str, Neighbours] = {}
    results: dict[str, tuple[float, list[Blend]]] = {}
    for name in names:
        said(f"table {name}")
        tables[name] = made(name, matrix, settings)
        results[name] = _read_best(full, asked, tables[name])
    best = max(results, key=lambda name: results[name][0])
    recipe = Recipe(best, half_life=tuple(_half_life(train, one) for one in asked))
    chosen, value, reading = tables[best], *results[best]
    tried = {name: result[0] for name, result in results.items()}
    if np.any(similar != 0):
        texts = text_neighbours(similar, settings.neighbours)
        for share in TEXT_SHARES:
            said(f"text share {share}")
            table = mixed([(1.0, tables[best]), (share, texts)])
            other, blends = _read_best(full, asked, table)
            tried[f"{best} + {share} text"] = other
            if other > value * 1.01:
                chosen, value, reading = table, other, blends
                recipe = replace(recipe, text_share=share)
    return Chosen(recipe, chosen, reading, tried)


def _read_best(full: Dataset, asked: list[Queries], table: Neighbours) -> tuple[float, list[Blend]]:
    """Per scenario the decay and the weight of its own events with which the table ranks best; and the mean."""
    matrix = table.matrix()
    values, blends = [], []
    for questions in asked:
        tries = {blend: together_ndcg(full, questions, matrix, Blend(decay=blend)) for blend in DECAYS}
        decay = max(tries, key=lambda key: tries[key])
        best, reading = tries[decay], Blend(decay=decay)
        for here in HERE[1:] if len(full.goals) > 1 else ():
            value = together_ndcg(full, questions, matrix, replace(reading, here=here))
            if value > best:
                best, reading = value, replace(reading, here=here)
        values.append(best)
        blends.append(reading)
    weights = [np.sqrt(len(questions)) for questions in asked]
    return float(np.average(values, weights=weights)) if sum(weights) else 0.0, blends


def together_ndcg(dataset: Dataset, asked: Queries, table: sparse.csr_matrix, blend: Blend) -> float:
    """NDCG@10 of the table alone."""
    if not len(asked):
        return 0.0
    history = histories(dataset.events, asked, len(dataset.items), blend, dataset.kinds)
    catalogue: Bools = dataset.catalogue[asked.scenario]
    lists = full_ranking(asked, catalogue, lambda rows: np.asarray((history[rows] @ table).todense()), 10)
    return float(per_query(lists, asked.relevant)["ndcg@10"].mean())


def _half_life(train: Dataset, asked: Queries) -> float:
    events = train.events
    span = int(events.time.max() - events.time[events.time > 0].min()) if events.time.any() else 0
    if not span or not len(asked):
        return 0.0
    tries = {}
    for half_life in HALF_LIVES:
        if half_life < span:
            values = prior(train, asked.scenario, half_life)
            lists = full_ranking(asked, train.catalogue[asked.scenario], _same(values), 10)
            tries[half_life] = float(per_query(lists, asked.relevant)["ndcg@10"].mean())
    return float(max(tries, key=lambda key: tries[key]))


def _same(values: Floats) -> Callable[[slice], Floats]:
    return lambda rows: np.broadcast_to(values, (rows.stop - rows.start, len(values)))
