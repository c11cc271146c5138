"""Which sources and which weights serve each scenario: tried out on validation, the same search for every site."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from ..dataset import Dataset, Floats
from ..inference.blend import PERSONAL, POPULAR, TEXT, TOGETHER, Blend
from .blending import Choice, Scorer, blend_of, choose, for_nothing
from .candidates import Candidates, gather
from .neighbours import Neighbours
from .network import Network
from .queries import Queries, encode, histories, relevant_count
from .run import Run
from .searching import Plan, Search, plan
from .sources import HALF_LIVES, Recipe, made, prior, together_ndcg
from .unmet import with_trust

SHARES = (0.5, 1.0, 2.0, 4.0)
WEIGHTS = (0.1, 0.2, 0.5, 1.0, 2.0)
OWN = (0.5, 0.1, -0.05, -0.15, -1.0)
"""Tried: how much what was met before counts for itself, or against itself, beside all its neighbours."""
OWN_BY = 1.01
EASE_BY = 1.02
"""Times the validation of other tables that EASE must reach to be worth its time."""
SELF = "self"
MOST_QUESTIONS = 1500
WORTH_READING = 0.5
"""Of the best table's NDCG, read plainly: below this, a table is not searched for how it is best read."""


@dataclass(slots=True)
class Chosen:
    """The recipe, and each scenario's blend."""

    recipe: Recipe
    blends: list[Blend]  # [goals]
    record: dict[str, Any]  # scenario -> what was reached on validation
    searched: int
    """Events when everything was searched last."""
    kept: int = 0
    """Trainings since then, this one included."""


def choose_all(run: Run, network: Network, known: Dataset, asked: list[Queries]) -> Chosen:
    """Search with questions over `run.dataset` (one set a goal); tables and priors are made of `known` alone."""
    whole = plan(known, run.settings, [questions.scenario for questions in asked if len(questions)])
    tables = tables_of(run, known, whole)
    recipe, blends, record = search(run, network, known, asked, whole, tables)
    table, text = tables[recipe.table], tables[TEXT] if recipe.text_share else None
    del tables  # of a very large catalogue the others take room that what follows needs
    free = [record.get(goal.name, {}).get("text for nothing", 0.0) for goal in run.dataset.goals]
    recipe, blends = with_trust(run, network, known, asked, blends, recipe, table, text, free)
    return Chosen(recipe, blends, record, len(known.events))


def search(
    run: Run,
    network: Network,
    known: Dataset,
    asked: list[Queries],
    whole: Plan,
    tables: dict[str, Neighbours],
) -> tuple[Recipe, list[Blend], dict[str, Any]]:
    """The recipe without trust in unmet items, each scenario's blend, and what was reached."""
    vectors, encoder = run.vectors(network, known), run.encoder(network)
    raw = {name: Raw.of(table) for name, table in tables.items()}
    goals = [
        _Goal(run, known, questions, search, raw, encode(encoder, vectors, run.dataset.events, questions), vectors)
        for questions, search in zip(asked, whole.goals, strict=True)
    ]
    name, share, own = _best_mixture(goals, tables)
    raw.clear()
    recipe = Recipe(name, share, own, [goal.half_life for goal in goals])
    text = tables[TEXT] if share else None
    table = recipe.composed(tables[name], text, None, np.zeros(len(run.dataset.items), bool))
    blends: list[Blend] = []
    record: dict[str, Any] = {}
    for goal in goals:
        run.progress("choose blend", len(blends), len(goals))
        blend, reached = goal.finish(table, name, own)
        blends.append(blend)
        if len(goal.asked):
            record[run.dataset.goals[goal.asked.scenario].name] = reached
    return recipe, blends, record


@dataclass(frozen=True, slots=True)
class Raw:
    """A table as it is multiplied with, before it is mixed with others."""

    matrix: sparse.csr_matrix  # [items, items]
    scale: float  # mean row sum

    @classmethod
    def of(cls, table: Neighbours) -> Raw:
        """The table's."""
        return cls(table.matrix(), _row_sum(table))


def tables_of(run: Run, known: Dataset, whole: Plan) -> dict[str, Neighbours]:
    tables: dict[str, Neighbours] = {}
    for name in whole.tables:
        run.progress(f"table {name}", 0, 1)
        tables[name] = made(name, known, run.settings).on_disk()
    if run.written:
        run.progress("table text", 0, 1)
        tables[TEXT] = run.by_text()
    return tables


Mixture = tuple[str, float, float]
"""A table, the share of text beside it, and how much what was met before counts by itself."""


def _best_mixture(goals: list[_Goal], tables: dict[str, Neighbours]) -> Mixture:
    """The mixture that serves all scenarios best; each scenario's figures relative to its own best without what was
    met before, which is let in only where it is clearly of use somewhere. Scenarios with few answers have no say."""
    asking = [goal for goal in goals if len(goal.asked) and goal.sure]
    names = [name for name in tables if name != TEXT]
    shares = (0.0, *SHARES) if TEXT in tables else (0.0,)
    plain = _totals(asking, [(name, share, 0.0) for name in names for share in shares])
    if not plain:
        return "knn", 0.0, 0.0
    first = _thrifty(plain)
    share_of = {name: max(shares, key=lambda share: plain[name, share, 0.0]) for name in names}
    owned = _totals(asking, [(name, share, own) for name, share in share_of.items() for own in OWN])
    best = _thrifty(owned)
    gains = [goal.value(best) > OWN_BY * goal.best for goal in asking]
    return best if owned[best] > plain[first] and any(gains) else first


def _thrifty(totals: dict[Mixture, float]) -> Mixture:
    """The best, but EASE only where it is clearly better than what every training makes in a fraction of its time."""
    best = max(totals, key=lambda one: totals[one])
    quick = max((one for one in totals if "ease" not in one[0]), key=lambda one: totals[one], default=best)
    return best if totals[best] > EASE_BY * totals[quick] else quick


def _totals(goals: list[_Goal], mixtures: list[Mixture]) -> dict[Mixture, float]:
    totals: dict[Mixture, float] = {}
    for goal in goals:
        values = goal.values(mixtures)
        goal.best = goal.best or max(values.values(), default=0.0)
        for mixture, value in values.items():
            totals[mixture] = totals.get(mixture, 0.0) + np.sqrt(len(goal.asked)) * value / max(goal.best, 1e-9)
    return totals


class _Goal:
    """The search of one scenario. Raw scores of every table, read as suits it best, are kept: mixtures are sums."""

    def __init__(
        self,
        run: Run,
        known: Dataset,
        asked: Queries,
        search: Search,
        tables: dict[str, Raw],
        queries: Floats,
        vectors: Floats,
    ) -> None:
        self.run, self.known, self.asked, self.search, self.vectors = run, known, asked, search, vectors
        self.queries, self.half_life = queries, 0.0
        self.best = 0.0  # of the mixtures without what was met before
        self.sure = True  # whether there are answers enough to choose freely
        self.tables = tables
        self.itself = sparse.identity(len(run.dataset.items), np.float32, "csr")
        self.emphasis = search.reading
        self.readings: dict[str, Blend] = {}  # of each table
        if len(asked):
            self._begin()

    def _begin(self) -> None:
        few = np.arange(len(self.asked))[:MOST_QUESTIONS]
        self.few, self.few_queries = self.asked.take(few), self.queries[few]
        self.emphasis = self._emphasised("knn")
        self.readings = self._read_all([name for name in self.tables if name != TEXT])
        found = self._gather_all()
        raw = [name for name in found.features if name.startswith(TOGETHER)]
        priors = [name for name in found.features if name.startswith(POPULAR)]
        self.scorer = Scorer(found, relevant_count(self.few), [PERSONAL, *priors], keep=raw)
        scorers = {name: self.scorer.only({PERSONAL: PERSONAL, POPULAR: name}) for name in priors}
        values = {name: choose(scorer, grid=WEIGHTS) for name, scorer in scorers.items()}
        self.sure = any(choice.sure for choice in values.values())
        best = max(values, key=lambda name: values[name].ndcg) if self.sure else f"{POPULAR}{HALF_LIVES[0]}"
        self.half_life, self.base = float(best.removeprefix(POPULAR)), values[best].weights
        self.scorer = scorers[best]
        if not self.sure:
            self.readings = dict.fromkeys(self.readings, self.search.reading)

    def _emphasised(self, name: str) -> Blend:
        """How much more the scenario's own events, and each kind, count in a table; by the table alone."""
        reading = self.search.reading
        kinds = [kind for kind in self.run.dataset.kinds if reading.kind_weight(kind) > 0]
        tries: list[dict[str, Any]] = [{"here": here} for here in self.search.here]
        tries += [{"kinds": {kind: weight}} for kind in kinds for weight in self.search.kinds]
        return self._best(name, reading, tries, by=1.01) if tries else reading

    def _read_all(self, names: list[str]) -> dict[str, Blend]:
        """How each table is read; no way of reading makes up for a table that knows far less than another."""
        reading = self.search.reading
        plain = {name: together_ndcg(self.run.dataset, self.few, self.tables[name].matrix, reading) for name in names}
        least = WORTH_READING * max(plain.values(), default=0.0)
        return {name: self._read(name) if plain[name] >= least else reading for name in names}

    def _read(self, name: str) -> Blend:
        """How much less older events, and those of earlier visits, count in a table, with and without what is
        emphasised; by the table alone."""
        search = self.search
        reading = self._best(name, search.reading, [{"decay": decay} for decay in search.decays])
        if self.emphasis != search.reading:
            more = {"here": self.emphasis.here, "kinds": self.emphasis.kinds}
            reading = self._best(name, reading, [{**more, "decay": decay} for decay in search.decays], by=1.01)
        older = [
            {"visit": visit, "decay": decay} for visit in search.visits for decay in {reading.decay, *search.steady}
        ]
        return self._best(name, reading, older, by=1.003) if older else reading

    def _best(self, name: str, reading: Blend, changes: list[dict[str, Any]], *, by: float = 1.0) -> Blend:
        """Take each change in turn where it makes the table alone better by a factor."""
        dataset, table = self.run.dataset, self.tables[name].matrix
        best = together_ndcg(dataset, self.few, table, reading)
        for change in changes:
            self.run.progress(f"read {name}", 0, 1)
            if "kinds" in change:
                change = {"kinds": {**reading.kinds, **change["kinds"]}}
            other = replace(reading, **change)
            if other == reading:
                continue
            value = together_ndcg(dataset, self.few, table, other)
            if value > best * by:
                best, reading = value, other
        return reading

    def _history(self, asked: Queries, reading: Blend) -> sparse.csr_matrix:
        dataset = self.run.dataset
        return histories(dataset.events, asked, len(dataset.items), reading, dataset.kinds)

    def _gather_all(self) -> Candidates:
        span = np.ptp(self.known.events.time) if self.known.events.time.any() else 0
        lives = [life for life in HALF_LIVES if life < max(span, 1)]
        together = {}
        for name, reading in self.readings.items():
            history = self._history(self.few, reading)
            together[f"{TOGETHER}/{name}"] = (history, self.tables[name].matrix)
            together[f"{TOGETHER}/{name}/{SELF}"] = (history, self.itself)
            if TEXT in self.tables:
                together[f"{TOGETHER}/{name}/{TEXT}"] = (history, self.tables[TEXT].matrix)
        return gather(
            self.few,
            self.run.dataset.catalogue[self.asked.scenario],
            queries=self.few_queries,
            vectors=self.vectors,
            together=together,
            prior={f"{POPULAR}{life}": prior(self.known, self.asked.scenario, life) for life in lives},
        )

    def values(self, mixtures: list[Mixture]) -> dict[Mixture, float]:
        """NDCG@10 of the blend with each mixture."""
        out: dict[Mixture, float] = {}
        for mixture in mixtures:
            self.run.progress("choose table", len(out), len(mixtures))
            out[mixture] = self.value(mixture)
        return out

    def value(self, mixture: Mixture) -> float:
        """The best of a few weights of the mixture beside what was chosen so far, or of the mixture alone."""
        (name, share, own), kept = mixture, self.scorer.kept
        raw = kept[f"{TOGETHER}/{name}"] / self.tables[name].scale
        if share:
            raw = raw + share / self.tables[TEXT].scale * kept[f"{TOGETHER}/{name}/{TEXT}"]
        if own:
            raw = raw + own * (1 + share) * kept[f"{TOGETHER}/{name}/{SELF}"]
        scorer = self.scorer.plus(TOGETHER, raw)
        beside = (scorer.ndcg({**self.base, TOGETHER: weight}) for weight in (*WEIGHTS, 5.0))
        return max(scorer.ndcg({TOGETHER: 1.0}), *beside)

    def _read_anew(self, table: Neighbours) -> Blend:
        """The reading of a table in which items stand for themselves: without them other kinds may have seemed best."""
        self.tables[SELF] = Raw.of(table)
        self.emphasis = self._emphasised(SELF)
        return self._read(SELF)

    def finish(self, table: Neighbours, name: str, own: float) -> tuple[Blend, dict[str, Any]]:
        """The weights over just the candidates that serving scores."""
        if not len(self.asked):
            return Blend(), {}
        reading = self._read_anew(table) if own else self.readings[name]
        asked, queries = (self.few, self.few_queries) if self.search.few else (self.asked, self.queries)
        similar = self.run.texts()
        found = gather(
            asked,
            self.run.dataset.catalogue[self.asked.scenario],
            queries=queries,
            vectors=self.vectors,
            together={TOGETHER: (self._history(asked, reading), table.matrix())},
            prior={POPULAR: prior(self.known, self.asked.scenario, self.half_life)},
            text=None if similar is None else (self._history(asked, reading.for_text), similar),
        )
        scorer = Scorer(found, relevant_count(asked), found.features)
        choice: Choice = choose(scorer)
        blend = blend_of(choice, reading)
        record = {"ndcg@10": choice.ndcg, "alone": choice.alone, "blend": blend.to_json(), "questions": len(asked)}
        return blend, record | {"text for nothing": for_nothing(scorer, choice, TEXT)}


def _row_sum(table: Neighbours) -> float:
    """As `mixed` scales it."""
    rows = table.weights.sum(axis=1)
    return max(float(rows[rows > 0].mean()) if (rows > 0).any() else 1.0, 1e-12)
