"""How much items that nobody met yet are trusted, tried on validation: some known ones are played as unmet.

Such an item stands where its nearest by text and labels do, see `ColdPlaces`. What is written counts as much as may be
while such items are found the better for it and all questions together lose nothing; then such an item goes with what
its nearest go with as strongly, and counts as much in the lists of others, as may be while they lose no more than
`Settings.newcomers`: those for unmet items and those for others, each kind as often as validation really asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from ..dataset import Bools, Dataset, Floats
from ..inference.blend import POPULAR, TEXT, TOGETHER, Blend
from ..representation.features import ColdPlaces
from .candidates import Candidates, gather
from .evaluation import per_query
from .neighbours import Neighbours, without
from .network import Network
from .queries import Queries, encode, histories
from .run import Run
from .sources import Recipe, prior

PLAYED = 0.1
"""Share of the items with events that are played as unmet."""
MOST_UNMET, MOST_OTHERS = 600, 1500
"""Questions for unmet items, and for others: those change little each, so more of them must be heard."""
FEWEST = 30
"""Questions for unmet items with which nothing can be said."""
STEPS = ((0.5, 1.0), (1.0, 1.0), (2.0, 1.0), (2.0, 1.25), (2.0, 1.5), (2.0, 2.0), (2.0, 3.0))
"""Ever more trust: how strongly such an item goes with what its nearest go with, and how many times as strong it is in
the lists of others."""


TEXTS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Ever larger weights of what is written."""


def with_trust(
    run: Run,
    network: Network,
    known: Dataset,
    asked: Sequence[Queries],
    blends: Sequence[Blend],
    recipe: Recipe,
    table: Neighbours,
    text: Neighbours | None,
    free: Sequence[float],
) -> tuple[Recipe, list[Blend]]:
    """The recipe and the blends with the trust that unmet items earn.

    Args:
        known: what network and tables have learned from.
        table: of the recipe, before text was mixed in.
        text: the neighbours by text, where the recipe has a share of them.
        free: up to which weight what is written costs each blend nothing. [goals]
    """
    played = _played(run, known)
    places = _places(run, known, played)
    plain, vectors = without(table, played).on_disk(), places.put(run.vectors(network, known))
    tried = [
        _Goal.of(run, network, known, questions, played, vectors, blends[questions.scenario], recipe)
        for questions in asked
    ]
    goals = [goal for goal in tried if goal is not None]
    cold = played | (np.bincount(known.events.item, minlength=len(played)) == 0)

    def table_of(one: Recipe) -> sparse.csr_matrix:
        return one.composed(plain, text, places, cold).matrix()

    def reached(made: sparse.csr_matrix) -> Floats:
        run.progress("choose trust in new items", 0, 1)
        return sum((goal.ndcg(made) for goal in goals), np.zeros(2, np.float32))

    if not goals:
        return recipe, list(blends)
    made = table_of(recipe)
    before = reached(made)
    goals = [goal.with_text(made, free[goal.asked.scenario]) for goal in goals]
    recipe = replace(recipe, unmet_text=_by_scenario(goals, len(blends)))
    best = reached(made)
    for share, stress in STEPS:
        bolder = replace(recipe, cold_share=share, cold_stress=stress)
        after = reached(table_of(bolder))
        if after[1] < (1 - run.settings.newcomers) * before[1]:
            break
        if after[0] > best[0]:
            recipe, best = bolder, after
    return recipe, recipe.heeded(blends)


def _by_scenario(goals: Sequence[_Goal], scenarios: int) -> list[float]:
    out = [0.0] * scenarios
    for goal in goals:
        out[goal.asked.scenario] = goal.blend.weights.get(TEXT, 0.0)
    return out if any(out) else []


def _played(run: Run, known: Dataset) -> Bools:
    """Some of the items that somebody met, of those that say anything about themselves. [items]"""
    met = np.bincount(known.events.item, minlength=len(known.items)) > 0
    drawn = np.random.default_rng([run.seed, len(met)]).random(len(met)) < PLAYED  # as nobody else draws
    return met & drawn & np.any(run.similar != 0, axis=1)


def _places(run: Run, known: Dataset, played: Bools) -> ColdPlaces:
    counts = np.bincount(known.events.item, minlength=len(played))
    return ColdPlaces.find(run.similar, np.where(played, 0, counts))


@dataclass(frozen=True, slots=True)
class _Goal:
    """The questions of one scenario: some for items played as unmet, some for others."""

    run: Run
    asked: Queries
    weight: Floats  # [queries, 2], those for unmet items, and all; of sum about the root of all questions
    queries: Floats  # [queries, dim]
    vectors: Floats  # [items, dim]
    history: sparse.csr_matrix  # [queries, items]
    text_history: sparse.csr_matrix  # [queries, items]
    log_prior: Floats  # [items]
    blend: Blend

    @classmethod
    def of(
        cls,
        run: Run,
        network: Network,
        known: Dataset,
        asked: Queries,
        played: Bools,
        vectors: Floats,
        blend: Blend,
        recipe: Recipe,
    ) -> _Goal | None:
        dataset, rng = run.dataset, np.random.default_rng(run.seed)
        unmet = np.asarray(asked.relevant @ played.astype(np.float32)).ravel() > 0
        if unmet.sum() < FEWEST:
            return None
        kinds = [np.flatnonzero(unmet), np.flatnonzero(~unmet)]
        few = [
            np.sort(rng.permutation(rows)[:most]) for rows, most in zip(kinds, (MOST_UNMET, MOST_OTHERS), strict=True)
        ]
        new = np.bincount(known.events.item, minlength=len(played)) == 0
        share = float((np.asarray(asked.relevant @ new.astype(np.float32)).ravel() > 0).mean())
        weight = np.zeros((sum(map(len, few)), 2), np.float32)
        weight[: len(few[0])] = len(asked) / len(few[0]) * np.array([1, share])
        weight[len(few[0]) :, 1] = len(asked) / max(len(few[1]), 1) * (1 - share)
        some = asked.take(np.concatenate(few))
        left = known.with_events(known.events[~played[known.events.item]])
        return cls(
            run,
            some,
            weight / np.float32(np.sqrt(len(asked))),
            encode(run.encoder(network), vectors, dataset.events, some),
            vectors,
            histories(dataset.events, some, len(dataset.items), blend, dataset.kinds),
            histories(dataset.events, some, len(dataset.items), blend.for_text, dataset.kinds),
            prior(left, asked.scenario, recipe.half_life[asked.scenario]),
            blend,
        )

    def with_text(self, table: sparse.csr_matrix, most: float) -> _Goal:
        """The same with as much weight of what is written as unmet items earn, up to where it would cost others."""
        found, chosen = self.found(table), self
        if TEXT not in found.features:
            return self
        before = best = self.reached(found)
        for weight in TEXTS:
            if not self.blend.weights.get(TEXT, 0.0) < weight <= most:
                continue
            bolder = replace(self, blend=replace(self.blend, weights={**self.blend.weights, TEXT: weight}))
            after = bolder.reached(found)
            if after[1] >= before[1] and after[0] > best[0]:
                chosen, best = bolder, after
        return chosen

    def ndcg(self, table: sparse.csr_matrix) -> Floats:
        """NDCG@10 of questions for unmet items, and of all, times the root of how many are asked. [2]"""
        return self.reached(self.found(table))

    def found(self, table: sparse.csr_matrix) -> Candidates:
        """What would be scored."""
        return gather(
            self.asked,
            self.run.dataset.catalogue[self.asked.scenario],
            queries=self.queries,
            vectors=self.vectors,
            together={TOGETHER: (self.history, table)},
            prior={POPULAR: self.log_prior},
            text=None if (similar := self.run.texts()) is None else (self.text_history, similar),
        )

    def reached(self, found: Candidates) -> Floats:
        """The same as `ndcg` of given candidates. [2]"""
        lists = found.ranked(self.blend, 10)
        return np.asarray(per_query(lists, self.asked.relevant)["ndcg@10"] @ self.weight, np.float32)
