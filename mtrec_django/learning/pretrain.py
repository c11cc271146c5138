"""The base: one shared space and query encoder over the events of all scenarios.

The run is honest about itself: it trains on what is old, chooses blends on what is newer, measures on what is newest
against popularity and ItemKNN, and only then learns from everything for the version that goes live.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..dataset import Bools, Dataset, Floats
from ..inference.artifact import Artifact
from ..inference.blend import Blend
from ..representation.features import ItemFeatures, place_cold
from .artifacts import Snapshot, Trained, card
from .cleaning import clean
from .measuring import Measured, choose_blends, decide, measure_all, network_ndcg
from .network import Network, Shape
from .queries import Queries, Split, last_out, queries, time_split
from .sampling import Negatives, Sampler, balance, target_weights, visits_share
from .settings import Progress, Settings, silent
from .sources import Chosen, choose_sources
from .training import Course, Trainer, train

FEWEST_QUESTIONS = 30
"""With fewer questions nothing can be said about quality."""


@dataclass(slots=True)
class Run:
    """What all steps of one training share."""

    dataset: Dataset
    settings: Settings
    seed: int
    progress: Progress
    features: ItemFeatures
    rows: Floats  # [items, width]
    similar: Floats  # [items, n]
    silent_kinds: Bools  # [kinds], in no history

    def network(self) -> Network:
        """A fresh network; the same one for the same seed."""
        torch.manual_seed(self.seed)
        s = self.settings
        shape = Shape(len(self.rows), self.rows.shape[1], len(self.dataset.kinds), s.dim, s.heads, s.length, s.dropout)
        return Network(shape, torch.from_numpy(self.rows))

    def sampler(self, dataset: Dataset, *, seed: int) -> Sampler:
        """Windows over the histories of a part."""
        s = self.settings
        weight = balance(dataset.events.scenario, target_weights(dataset), len(dataset.goals))
        return Sampler(
            dataset.events,
            weight,
            len(dataset.users),
            len(dataset.goals),
            length=s.length,
            batch_tokens=s.batch_tokens,
            max_positions=s.max_positions,
            rng=np.random.default_rng(seed),
            later=0.5 if visits_share(dataset.events) > 0.2 else 0.0,
            silent=self.silent_kinds[dataset.events.kind],
        )

    def trainer(self, network: Network, dataset: Dataset, *, rate: float, seed: int) -> Trainer:
        """Optimisers over a network."""
        counts = np.bincount(dataset.events.item, minlength=len(dataset.items))
        negatives = Negatives(counts, self.settings.negatives, self.settings.full_softmax_items)
        return Trainer(network, negatives, dataset.catalogue, self.settings, rate=rate, seed=seed)

    def vectors(self, network: Network, dataset: Dataset) -> Floats:
        """Every item's vector, cold ones at their nearest warm ones. [items, dim]"""
        warm = np.bincount(dataset.events.item, minlength=len(dataset.items)) > 0
        return place_cold(self.similar, network.tower.all().numpy(), warm)

    def encoder_artifact(self, network: Network) -> Artifact:
        """The least that a query encoder is made of."""
        s = self.settings
        return Artifact(
            "base", {"kinds": self.dataset.kinds, "heads": s.heads, "length": s.length}, network.query_arrays()
        )


def fit(
    dataset: Dataset,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    warm_start: Trained | None = None,
    checkpoint: Path | None = None,
    encoder: str = "",
) -> Trained:
    """Train, choose, measure, and train on everything.

    Args:
        dataset: catalogue, visitors and events, sorted by visitor and time.
        progress: called as (step, done, total) at least once a second; may raise to cancel.
        warm_start: the live version; its weights are where training begins, by item id.
        checkpoint: a file to resume from after a kill, and to write to.
        encoder: the name of the text encoder that made `dataset.items.content`, for the record.

    Returns:
        A version whose report holds metrics, margins with intervals, and the decision to publish.
    """
    started = time.perf_counter()
    settings, progress = settings or Settings(), progress or silent
    with TorchThreads(settings.thread_count()):
        return _fit(dataset, settings, seed, progress, warm_start, checkpoint, encoder, started)


class TorchThreads:
    """Set torch's threads for a while."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.threads)

    def __exit__(self, *exc: object) -> None:
        torch.set_num_threads(self.before)


def _fit(
    dataset: Dataset,
    settings: Settings,
    seed: int,
    progress: Progress,
    warm_start: Trained | None,
    checkpoint: Path | None,
    encoder: str,
    started: float,
) -> Trained:
    progress("prepare", 0, 1)
    cleaned = clean(dataset)
    dataset = cleaned.dataset
    run = prepare(dataset, settings, seed, progress)
    split = time_split(dataset.events) if dataset.events.time.any() else last_out_of_all(dataset)
    network = run.network()
    if warm_start is not None:
        warm(network, warm_start, dataset)
    seconds: dict[str, float] = {"prepare": time.perf_counter() - started}
    fitted = train_and_choose(run, network, split, seconds)
    progress("measure", 0, 1)
    mark = time.perf_counter()
    measured = measure_all(run, network, split, fitted, seed=seed)
    decision = decide(measured, fewest=FEWEST_QUESTIONS, live=warm_start is not None)
    seconds["measure"] = time.perf_counter() - mark
    return _live(run, network, fitted, measured, decision, seconds, cleaned.removed, encoder, started)


def prepare(dataset: Dataset, settings: Settings, seed: int, progress: Progress) -> Run:
    """Features of the items and what else every step needs."""
    features = ItemFeatures.fit(dataset.items, seed=seed)
    rows = features.transform(dataset.items)
    silent_kinds = np.array([kind == "impression" for kind in dataset.kinds], bool)
    return Run(dataset, settings, seed, progress, features, rows, features.similarity(dataset.items), silent_kinds)


def last_out_of_all(dataset: Dataset) -> Split:
    """Without times: the last of each visitor's events in each scenario, in the order given."""
    part = np.zeros(len(dataset.events), np.int8)
    for scenario in range(len(dataset.goals)):
        part = np.maximum(part, last_out(dataset, scenario).part)
    return Split(part, "last-out")


@dataclass(slots=True)
class Fitted:
    """What training and choosing gave, before measuring."""

    course: Course
    chosen: Chosen
    blends: list[Blend]  # [goals]
    validation: dict[str, Any]


def train_and_choose(run: Run, network: Network, split: Split, seconds: dict[str, float]) -> Fitted:
    """Train on the old part; choose sources and blends on the newer one."""
    mark = time.perf_counter()
    dataset, settings = run.dataset, run.settings
    old = dataset.with_events(dataset.events[split.part == 0])
    asked = [ask(dataset, goal, split, 1).sample(settings.max_queries, run.seed) for goal in range(len(dataset.goals))]
    few = [questions.sample(1000, run.seed) for questions in asked if len(questions)]
    trainer = run.trainer(network, old, rate=settings.rate, seed=run.seed)
    course = train(
        trainer,
        run.sampler(old, seed=run.seed),
        epochs=settings.epochs,
        patience=settings.patience,
        progress=run.progress,
        step="train",
        validate=(lambda: network_ndcg(run, network, old, few)) if few else None,
    )
    seconds["train"] = time.perf_counter() - mark
    mark = time.perf_counter()
    chosen = choose_sources(
        dataset, old, asked, settings, run.similar, lambda what: run.progress(f"choose {what}", 0, 1)
    )
    blends, validation = choose_blends(run, network, old, asked, chosen)
    seconds["choose"] = time.perf_counter() - mark
    return Fitted(course, chosen, blends, validation)


def ask(dataset: Dataset, goal: int, split: Split, part: int) -> Queries:
    """The questions of one goal, as its place on the site would ask them."""
    return queries(dataset, goal, split, part, in_session=dataset.goals[goal].in_session)


def _live(
    run: Run,
    network: Network,
    fitted: Fitted,
    measured: Measured,
    decision: dict[str, Any],
    seconds: dict[str, float],
    removed: dict[str, int],
    encoder: str,
    started: float,
) -> Trained:
    """Learn from everything, briefly, and write it all down."""
    mark = time.perf_counter()
    dataset, settings = run.dataset, run.settings
    snapshot = Snapshot(network.query_arrays(), measured.vectors)
    trainer = run.trainer(network, dataset, rate=settings.rate * 0.25, seed=run.seed + 1)
    train(
        trainer,
        run.sampler(dataset, seed=run.seed + 1),
        epochs=settings.finetune_epochs,
        patience=settings.finetune_epochs + 1,
        progress=run.progress,
        step="learn from everything",
    )
    run.progress("tables", 0, 1)
    table = fitted.chosen.recipe.build(dataset, settings, run.similar)
    priors = fitted.chosen.recipe.priors(dataset)
    seconds["everything"] = time.perf_counter() - mark
    report = {
        "decision": decision,
        "metrics": measured.metrics,
        "margins": measured.margins,
        "validation": fitted.validation,
        "recipe": asdict(fitted.chosen.recipe),
        "tables": fitted.chosen.tried,
        "epochs": fitted.course.epochs,
        "speed": round(fitted.course.speed),
        "data": description(dataset),
        "removed": removed,
        "measured": "trained on the old part, chosen on the newer, measured on the newest events",
        "live": f"the measured weights after {settings.finetune_epochs} more epoch(s) over all events; tables of all",
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    trained = assemble(run, network, fitted, table, priors, report, encoder, snapshot)
    trained.report["seconds"]["all"] = round(time.perf_counter() - started, 2)
    return trained


def description(dataset: Dataset) -> dict[str, Any]:
    """The size and the window of the data."""
    times = dataset.events.time[dataset.events.time > 0]
    return {
        "items": len(dataset.items),
        "users": len(dataset.users),
        "events": len(dataset.events),
        "from": int(times.min()) if len(times) else 0,
        "until": int(times.max()) if len(times) else 0,
    }


def assemble(
    run: Run,
    network: Network,
    fitted: Fitted,
    table: Any,
    priors: Floats,
    report: dict[str, Any],
    encoder: str,
    snapshot: Snapshot,
) -> Trained:
    """The artifact with its card, and the rows."""
    dataset = run.dataset
    names = [goal.name for goal in dataset.goals]
    arrays = network.query_arrays()
    arrays["tower.weight"] = network.tower.content.weight.detach().numpy().copy()
    arrays["tower.bias"] = network.tower.content.bias.detach().numpy().copy()
    arrays["scale"] = network.scale.detach().numpy().reshape(1).copy()
    arrays.update({f"features.{name}": array for name, array in run.features.arrays.items()})
    config = {
        "dim": run.settings.dim,
        "heads": run.settings.heads,
        "length": run.settings.length,
        "kinds": list(dataset.kinds),
        "scenarios": names,
        "goals": [asdict(goal) for goal in dataset.goals],
        "encoder": encoder,
        "features": run.features.config(),
        "blends": {name: blend.to_json() for name, blend in zip(names, fitted.blends, strict=True)},
        "alphas": {},
        "settings": run.settings.to_json(),
        "seed": run.seed,
    }
    config["id"] = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest()[:16]
    return Trained(
        Artifact("base", config, arrays, card("base", config, report)),
        dataset.items.ids,
        run.vectors(network, dataset),
        network.tower.residual.weight.detach().numpy().copy(),
        table,
        priors,
        report,
        snapshot,
    )


def warm(network: Network, live: Trained, dataset: Dataset) -> None:
    """Begin where the live version stands, as far as sizes agree; items are matched by id.

    Items that the live version never saw begin at the mean residual of their nearest ones.
    """
    arrays = live.artifact.arrays
    with torch.no_grad():
        for name, tensor in network.query.state_dict().items():
            stored = arrays.get(f"query.{name}")
            if stored is not None and stored.shape == tuple(tensor.shape):
                tensor.copy_(torch.from_numpy(stored))
        at = {str(item): position for position, item in enumerate(live.item_ids)}
        known = np.array([at.get(str(item), -1) for item in dataset.items.ids])
        residual = network.tower.residual.weight
        if residual.shape[1] == live.residual.shape[1]:
            old = torch.from_numpy(live.residual[known[known >= 0]])
            residual[torch.from_numpy(np.flatnonzero(known >= 0))] = old
        if arrays["tower.weight"].shape == tuple(network.tower.content.weight.shape):
            network.tower.content.weight.copy_(torch.from_numpy(arrays["tower.weight"]))
            network.tower.content.bias.copy_(torch.from_numpy(arrays["tower.bias"]))
