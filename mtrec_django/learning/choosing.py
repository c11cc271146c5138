"""Which sources and which weights serve each scenario: tried out on validation, the same search for every site."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from ..dataset import Dataset, Floats, Goal
from ..inference.blend import PERSONAL, POPULAR, TOGETHER, Blend
from ..inference.polarity import says_no
from .blending import Choice, Scorer, blend_of, choose
from .candidates import Candidates, gather
from .neighbours import Neighbours, mixed, text_neighbours
from .network import Network
from .queries import Queries, encode, histories, relevant_count
from .run import Run
from .sources import HALF_LIVES, Recipe, made, positive, prior, together_ndcg

DECAYS = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5)
HERE = (3.0, 10.0)
KINDS = (0.2, 0.5, 3.0)
SHARES = (0.5, 1.0, 2.0, 4.0)
WEIGHTS = (0.1, 0.2, 0.5, 1.0, 2.0)
TEXT = "text"
MOST_QUESTIONS = 1500


@dataclass(slots=True)
class Chosen:
    """The recipe, its table on training events, and each scenario's blend."""

    recipe: Recipe
    table: Neighbours
    blends: list[Blend]  # [goals]
    record: dict[str, Any]  # scenario -> what was reached on validation


def choose_all(run: Run, network: Network, known: Dataset, asked: list[Queries]) -> Chosen:
    """Search with questions over `run.dataset` (one set a goal); tables and priors are made of `known` alone."""
    tables = _tables(run, known)
    vectors, encoder = run.vectors(network, known), run.encoder(network)
    goals = [
        _Goal(run, known, questions, tables, encode(encoder, vectors, run.dataset.events, questions), vectors)
        for questions in asked
    ]
    name, share = _best_mixture(goals, tables)
    recipe = Recipe(name, share, [goal.half_life for goal in goals])
    table = tables[name] if not share else mixed([(1.0, tables[name]), (share, tables[TEXT])])
    chosen = Chosen(recipe, table, [], {})
    for goal in goals:
        run.progress("choose blend", len(chosen.blends), len(goals))
        blend, record = goal.finish(table, name, share)
        chosen.blends.append(blend)
        if len(goal.asked):
            chosen.record[run.dataset.goals[goal.asked.scenario].name] = record
    return chosen


def _tables(run: Run, known: Dataset) -> dict[str, Neighbours]:
    settings, matrix = run.settings, positive(known)
    names = ["knn"] if settings.quick else ["knn", "ease"]
    tables: dict[str, Neighbours] = {}
    for name in names:
        run.progress(f"table {name}", 0, 1)
        tables[name] = made(name, matrix, settings)
    if np.any(run.similar != 0):
        run.progress("table text", 0, 1)
        tables[TEXT] = text_neighbours(run.similar, settings.neighbours)
    return tables


def _best_mixture(goals: list[_Goal], tables: dict[str, Neighbours]) -> tuple[str, float]:
    """The table and share of text that serve all scenarios best; each scenario's figures relative to its own best."""
    names = [name for name in tables if name != TEXT]
    totals: dict[tuple[str, float], float] = {}
    for goal in goals:
        values = goal.mixtures(names)
        best = max(values.values(), default=0.0)
        for key, value in values.items():
            totals[key] = totals.get(key, 0.0) + np.sqrt(len(goal.asked)) * value / max(best, 1e-9)
    return max(totals, key=lambda key: totals[key], default=("knn", 0.0))


class _Goal:
    """The search of one scenario. Raw scores of every table and decay are kept, so that mixtures are sums."""

    def __init__(
        self,
        run: Run,
        known: Dataset,
        asked: Queries,
        tables: dict[str, Neighbours],
        queries: Floats,
        vectors: Floats,
    ) -> None:
        self.run, self.known, self.asked, self.vectors = run, known, asked, vectors
        self.queries, self.half_life = queries, 0.0
        self.scale = {name: _row_sum(table) for name, table in tables.items()}
        self.tables = {name: table.matrix() for name, table in tables.items()}
        self.reading = Blend(decay=0.9, kinds=_wanted(run.dataset.goals[asked.scenario]))
        self.decays: dict[tuple[str, float], float] = {}
        if len(asked):
            self._begin()

    def _begin(self) -> None:
        few = np.arange(len(self.asked))[:MOST_QUESTIONS]
        self.few, self.few_queries = self.asked.take(few), self.queries[few]
        self.reading = replace(self.reading, **self._emphasis())
        found = self._gather_all()
        self.raw = {name: np.nan_to_num(found.features[name]) for name in found.features if name.startswith(TOGETHER)}
        priors = [name for name in found.features if name.startswith(POPULAR)]
        self.scorer = Scorer(found, relevant_count(self.few), [PERSONAL, *priors], keep=list(self.raw))
        values = {name: choose(self.scorer.only([PERSONAL, name]), grid=WEIGHTS) for name in priors}
        best = max(values, key=lambda name: values[name].ndcg)
        self.half_life, self.base = float(best.removeprefix(POPULAR)), values[best].weights

    def _emphasis(self) -> dict[str, Any]:
        """How much more the scenario's own events, and each kind, count in the table; by the table alone."""
        dataset, table = self.run.dataset, self.tables["knn"]
        best, reading = together_ndcg(dataset, self.few, table, self.reading), self.reading
        tries: list[dict[str, Any]] = [{"here": here} for here in HERE if len(dataset.goals) > 1]
        if len(dataset.kinds) > 1:
            kinds = [kind for kind in dataset.kinds if self.reading.kind_weight(kind) > 0]
            tries += [{"kinds": {kind: weight}} for kind in kinds for weight in KINDS]
        for change in tries:
            if "kinds" in change:
                change = {"kinds": {**reading.kinds, **change["kinds"]}}
            other = replace(reading, **change)
            value = together_ndcg(dataset, self.few, table, other)
            if value > best * 1.01:
                best, reading = value, other
        return {"here": reading.here, "kinds": reading.kinds}

    def _history(self, asked: Queries, decay: float) -> sparse.csr_matrix:
        dataset = self.run.dataset
        return histories(dataset.events, asked, len(dataset.items), replace(self.reading, decay=decay), dataset.kinds)

    def _gather_all(self) -> Candidates:
        span = np.ptp(self.known.events.time) if self.known.events.time.any() else 0
        lives = [life for life in HALF_LIVES if life < max(span, 1)]
        together = {
            f"{TOGETHER}/{name}/{decay}": (self._history(self.few, decay), table)
            for name, table in self.tables.items()
            for decay in (DECAYS if not self.run.settings.quick else DECAYS[2:4])
        }
        return gather(
            self.few,
            self.run.dataset.catalogue[self.asked.scenario],
            queries=self.few_queries,
            vectors=self.vectors,
            together=together,
            prior={f"{POPULAR}{life}": prior(self.known, self.asked.scenario, life) for life in lives},
        )

    def mixtures(self, names: list[str]) -> dict[tuple[str, float], float]:
        """NDCG@10 of the blend with each table and share of text, each at its best decay."""
        if not len(self.asked):
            return {}
        shares = (0.0, *SHARES) if TEXT in self.tables else (0.0,)
        values: dict[tuple[str, float], float] = {}
        for name in names:
            for share in shares:
                self.run.progress("choose table", len(values), len(names) * len(shares))
                tries = {decay: self._with(name, share, decay) for decay in self._decays()}
                self.decays[name, share] = max(tries, key=lambda decay: tries[decay])
                values[name, share] = max(tries.values())
        return values

    def _decays(self) -> tuple[float, ...]:
        return DECAYS if not self.run.settings.quick else DECAYS[2:4]

    def _with(self, name: str, share: float, decay: float) -> float:
        """The best of a few weights of the mixture beside what was chosen so far."""
        mixture = self.scorer.kept[f"{TOGETHER}/{name}/{decay}"] / self.scale[name]
        if share:
            mixture = mixture + share / self.scale[TEXT] * self.scorer.kept[f"{TOGETHER}/{TEXT}/{decay}"]
        scorer = self.scorer.plus(TOGETHER, mixture)
        return max(scorer.ndcg({**self.base, TOGETHER: weight}) for weight in (*WEIGHTS, 5.0))

    def finish(self, table: Neighbours, name: str, share: float) -> tuple[Blend, dict[str, Any]]:
        """The weights over just the candidates that serving scores."""
        if not len(self.asked):
            return Blend(), {}
        reading = replace(self.reading, decay=self.decays[name, share])
        found = gather(
            self.asked,
            self.run.dataset.catalogue[self.asked.scenario],
            queries=self.queries,
            vectors=self.vectors,
            together={TOGETHER: (self._history(self.asked, reading.decay), table.matrix())},
            prior={POPULAR: prior(self.known, self.asked.scenario, self.half_life)},
        )
        choice: Choice = choose(Scorer(found, relevant_count(self.asked), (PERSONAL, TOGETHER, POPULAR)))
        blend = blend_of(choice, reading)
        record = {"ndcg@10": choice.ndcg, "alone": choice.alone, "blend": blend.to_json(), "questions": len(self.asked)}
        return blend, record


def _wanted(goal: Goal) -> dict[str, float]:
    """Kinds that say no elsewhere, but count for something here."""
    return {kind: 1.0 for kind, weight in goal.weights.items() if weight > 0 and says_no(kind)}


def _row_sum(table: Neighbours) -> float:
    """As `mixed` scales it."""
    rows = table.weights.sum(axis=1)
    return max(float(rows[rows > 0].mean()) if (rows > 0).any() else 1.0, 1e-12)
