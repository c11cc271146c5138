"""Ours under a protocol of the literature: what would be served, had it known what the protocol lets it know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from ..dataset import Bools, Dataset, Ints
from .candidates import Candidates
from .measuring import candidates
from .network import Network
from .pretrain import Clock, Fitted, TorchThreads, refresh, train_and_choose
from .queries import Queries, Split, given, last_out
from .run import Run
from .settings import Progress, Settings, silent
from .sources import prior


@dataclass(slots=True)
class HeldOut:
    """A trained network with its choices, and the questions of the test."""

    run: Run
    split: Split
    network: Network
    fitted: Fitted
    train: Dataset
    both: Dataset
    clock: Clock
    table: sparse.csr_matrix  # [items, items], from training and validation

    def questions(self, scenario: int, part: int = 2) -> Queries:
        """All of them."""
        settings = replace(self.run.settings, max_queries=10**9)
        return replace(self.run, settings=settings).ask(scenario, self.split, part)

    def candidates(self, asked: Queries) -> Candidates:
        """What serving would score."""
        recipe, goal = self.fitted.chosen.recipe, asked.scenario
        blend = self.fitted.chosen.blends[goal]
        values = prior(self.both, goal, recipe.half_life[goal])
        vectors, encoder = self.run.vectors(self.network, self.both), self.run.encoder(self.network)
        return candidates(self.run.dataset, asked, encoder, vectors, self.table, blend, values, self.run.texts(blend))

    def lists(self, asked: Queries) -> Ints:
        """What would be shown. [queries, 50]"""
        return self.candidates(asked).ranked(self.fitted.chosen.blends[asked.scenario])

    def record(self) -> dict[str, Any]:
        """What was chosen, and how long it took."""
        chosen = self.fitted.chosen
        return {
            "validation": chosen.record,
            "table": chosen.recipe.table,
            "text_share": chosen.recipe.text_share,
            "half_life": chosen.recipe.half_life,
            "epochs": self.fitted.course.epochs,
            "speed": round(self.fitted.course.speed),
            "seconds": self.clock.seconds,
        }


def hold_out(
    dataset: Dataset,
    split: Split,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> HeldOut:
    """Train, choose on validation and learn the validation part, as `fit` does, under any split."""
    settings, clock = settings or Settings(), Clock()
    with TorchThreads(settings.thread_count()):
        run = Run.prepare(dataset, settings, seed, progress or silent)
        dataset, split = run.dataset, replace(split, part=split.part[run.heard.kept])
        train, both = (dataset.with_events(dataset.events[may_know(dataset, split, part)]) for part in (1, 2))
        network = run.network()
        clock.lap("prepare")
        fitted = train_and_choose(run, network, split, clock, train)
        refresh(run, network, train, both, "learn what was chosen on")
        clock.lap("refresh")
        table = fitted.chosen.recipe.build(both, settings, run.by_text, run.cold_places).matrix()
        clock.lap("table")
    return HeldOut(run, split, network, fitted, train, both, clock, table)


def may_know(dataset: Dataset, split: Split, part: int) -> Bools:
    """Which events may be learned from before the questions of a part; of other scenarios only those not later."""
    known = split.part < part
    if split.protocol != "last-out":
        return known
    asked = np.flatnonzero(split.part == part)
    first = np.full(len(dataset.users), len(dataset.events))
    np.minimum.at(first, dataset.events.user[asked], asked)
    return known & (np.arange(len(dataset.events)) < first[dataset.events.user])


def protocol(dataset: Dataset, scenario: int, part: np.ndarray | None) -> tuple[Dataset, Split]:
    """The split that the set came with, with validation cut from its training part, else last-out."""
    if part is None:
        return dataset, last_out(dataset, scenario)
    return (dataset, given(part)) if (part == 1).any() else with_validation(dataset, scenario, part)


def with_validation(dataset: Dataset, scenario: int, part: np.ndarray) -> tuple[Dataset, Split]:
    """Each visitor's last training event of the scenario, where three or more are there, becomes validation.

    His other meetings with that item go, as such sets have it for the test item, and each visitor's events are put in
    the order of the parts.
    """
    events = dataset.events
    training = np.flatnonzero(part == 0)
    chosen = training[last_out(dataset.with_events(events[training]), scenario).part == 2]
    part = part.copy()
    part[chosen] = 1
    pair = events.user.astype(np.int64) * max(len(dataset.items), 1) + events.item
    kept = np.flatnonzero((part > 0) | ~np.isin(pair, pair[chosen]))
    kept = kept[np.lexsort((kept, part[kept], events.user[kept]))]
    return dataset.with_events(events[kept]), given(part[kept])
