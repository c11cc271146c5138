"""The base: one shared space and query encoder over the events of all scenarios.

The run is honest about itself: it trains on what is old, chooses sources and blends on what is newer, learns that too,
measures on what is newest against popularity, ItemKNN and the live version, and only then learns from everything.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from ..columns import on_disk
from ..dataset import Dataset, Floats
from ..inference.artifact import Artifact
from ..inference.blend import TEXT
from ..inference.texts import pack
from .artifacts import Snapshot, Trained, card
from .checkpoints import Keeper, Mark
from .choosing import Chosen, choose_all
from .cleaning import clean
from .distributed import told
from .keeping import holds, keep
from .measuring import Measured, decide, measure_all, network_each, network_ndcg
from .neighbours import Neighbours
from .network import Network
from .profiles import choose_profiles, train_profiles
from .queries import Split
from .run import Run
from .settings import Progress, Settings, silent
from .training import Course, train
from .unanswered import unanswered
from .warm import warm


@dataclass(slots=True)
class Fitted:
    """What training and choosing gave, before measuring."""

    course: Course
    chosen: Chosen
    snapshot: Snapshot
    profiles: tuple[str, ...] = ()
    """What of the visitors moves their queries: "user", "friends", both or nothing."""
    vain: bool = False
    """Whether what was shown in vain is pushed away."""


@dataclass(slots=True)
class Clock:
    """Seconds by step."""

    started: float = field(default_factory=time.perf_counter)
    last: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def lap(self, step: str) -> None:
        """The time since the last lap went into this step."""
        now = time.perf_counter()
        self.seconds[step] = round(now - self.last, 2)
        self.last = now


def fit(
    dataset: Dataset,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    warm_start: Trained | None = None,
    afresh: bool = False,
    checkpoint: Keeper | None = None,
    encoder: str = "",
) -> Trained:
    """Train, choose, measure, and train on everything.

    Args:
        dataset: catalogue, visitors and events, sorted by visitor and time.
        progress: called as (step, done, total) at least once a second; may raise to cancel.
        warm_start: the live version: training begins at its weights, by item id, and is shorter; and it is what the
            outcome has to stand beside.
        afresh: begin at nothing of the live version all the same.
        checkpoint: what to resume from after a kill, written after epochs.
        encoder: the name of the text encoder that made `dataset.items.content`, for the record.

    Returns:
        A version whose report holds metrics, margins with intervals, and the decision to publish.
    """
    settings, progress, clock = settings or Settings(), progress or silent, Clock()
    with TorchThreads(settings.thread_count()):
        progress("prepare", 0, 1)
        cleaned = clean(dataset)
        run = Run.prepare(cleaned.dataset, settings, seed, progress)
        split, network = run.split(), run.network()
        begun_at = None if afresh else warm_start
        if begun_at is not None:
            warm(network, begun_at, run.dataset)
        clock.lap("prepare")
        old = until(run.dataset, split, 0)
        fitted = train_and_choose(run, network, split, clock, old, checkpoint, begun_at=begun_at)
        warmed = begun_at is not None
        before = until(run.dataset, split, 1)  # not sooner: while choices are made memory is scarce
        refresh(run, network, old, before, "learn what was chosen on", vain=fitted.vain, shortly=warmed)
        del old
        clock.lap("refresh")
        measured = measure_all(run, network, split, before, fitted, live=warm_start)
        clock.lap("measure")
        decision = decide(measured, live=warm_start is not None)
        refresh(run, network, before, run.dataset, "learn from everything", vain=fitted.vain, shortly=warmed)
        progress("tables", 0, 1)
        table, priors = _tables(run, fitted)
        clock.lap("everything")
        report = _report(run, fitted, measured, decision, clock) | {"removed": cleaned.removed}
        return assemble(run, network, fitted, table, priors, report, encoder)


def until(dataset: Dataset, split: Split, part: int) -> Dataset:
    """The events of the parts up to this one."""
    return dataset.with_events(dataset.events[split.part <= part])


class TorchThreads:
    """Set torch's threads for a while."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.threads)

    def __exit__(self, *exc: object) -> None:
        torch.set_num_threads(self.before)


def train_and_choose(
    run: Run,
    network: Network,
    split: Split,
    clock: Clock,
    old: Dataset,
    checkpoint: Keeper | None = None,
    *,
    begun_at: Trained | None = None,
) -> Fitted:
    """Train on the old part, gently where the network began at another's weights; choose sources and blends on the
    newer one."""
    dataset, settings, warmed = run.dataset, run.settings, begun_at is not None
    asked = [run.ask(goal, split, 1) for goal in range(len(dataset.goals))]
    few = [questions.sample(1000, run.seed) for questions in asked if len(questions)]
    vain = begun_at is not None and bool(begun_at.report.get("unanswered", {}).get("pushed away"))
    course = train(
        run.trainer(network, old, rate=settings.rate * (0.5 if warmed else 1.0), seed=run.seed),
        run.sampler(old, seed=run.seed, half_life=span(old) / 3 if split.protocol == "time" else 0.0, vain=vain),
        epochs=settings.warm_epochs if warmed else settings.epochs_of(len(old.events), len(old.items)),
        patience=settings.patience,
        progress=run.progress,
        step="train",
        validate=(lambda: network_ndcg(run, network, old, few)) if few else None,
        checkpoint=checkpoint,
        mark=Mark.of(dataset, run.rows, settings, run.seed, begun_at.id if begun_at else "") if checkpoint else None,
    )
    vain = vain or (bool(few) and heed(run, network, old, lambda: network_ndcg(run, network, old, few)[0]))
    clock.lap("train")
    live = begun_at if begun_at is not None and holds(begun_at, old) else None
    if live is not None:
        network.profiles = train_profiles(run, network, old, tuple(live.report.get("visitors", ())))
    elif few:
        choose_profiles(run, network, old, lambda: np.concatenate(network_each(run, network, old, few)))
    clock.lap("visitors")
    chosen = keep(run, network, old, asked, live) if live is not None else None
    chosen = chosen or choose_all(run, network, old, asked)
    clock.lap("choose")
    return Fitted(course, chosen, snapshot(run, network, old), tuple(network.profiles.arrays), vain)


def heed(run: Run, network: Network, known: Dataset, validate: Callable[[], float]) -> bool:
    """Push away what was shown in vain, in one gentle epoch that is undone where validation loses by it; whether it
    stays."""
    if not told(lambda: len(unanswered(known))):
        return False
    before = told(validate)
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    train(
        run.trainer(network, known, rate=run.settings.rate * run.settings.refresh_rate, seed=run.seed + 2),
        run.sampler(known, seed=run.seed + 2, vain=True),
        epochs=1,
        patience=1,
        progress=run.progress,
        step="push away what was shown in vain",
    )
    better = told(validate) >= before
    if not better:
        network.load_state_dict(weights)
    return better


def refresh(
    run: Run,
    network: Network,
    known: Dataset,
    dataset: Dataset,
    step: str,
    *,
    vain: bool = False,
    shortly: bool = False,
) -> None:
    """A short, gentle training on more events; `known` is what the network has learned from so far.

    Where the new events are the latest ones, targets fade with half of their time as half-life; `shortly`, few of the
    others are targets at all.
    """
    settings = run.settings
    run.settle(network, known)
    half_life = max(0.0, span(dataset) - span(known)) / 2
    after = int(known.events.time.max(initial=0)) if shortly and half_life else 0
    if settings.refresh_epochs <= 0:
        return
    train(
        run.trainer(network, dataset, rate=settings.rate * settings.refresh_rate, seed=run.seed + 1),
        run.sampler(dataset, seed=run.seed + 1, half_life=half_life, vain=vain, after=after),
        epochs=settings.refresh_epochs,
        patience=settings.refresh_epochs,
        progress=run.progress,
        step=step,
    )
    network.profiles = train_profiles(run, network, dataset, tuple(network.profiles.arrays))


def snapshot(run: Run, network: Network, known: Dataset) -> Snapshot:
    """The network as it is now; the rows of the items on disk, since nobody needs them before the end."""
    return Snapshot(
        {**network.query_arrays(), **network.tower_arrays()},
        on_disk(run.vectors(network, known)),
        on_disk(network.tower.residual.weight.detach().numpy()),
    )


def _tables(run: Run, fitted: Fitted) -> tuple[Neighbours, Floats]:
    recipe = fitted.chosen.recipe
    return recipe.build(run.dataset, run.settings, run.by_text, run.cold_places), recipe.priors(run.dataset)


def _report(run: Run, fitted: Fitted, measured: Measured, decision: dict[str, Any], clock: Clock) -> dict[str, Any]:
    spent = time.perf_counter() - clock.started
    return {
        "decision": decision,
        "metrics": measured.metrics,
        "margins": measured.margins,
        "tails": measured.tails,
        "validation": fitted.chosen.record,
        "recipe": asdict(fitted.chosen.recipe),
        "searched": fitted.chosen.searched,
        "kept": fitted.chosen.kept,
        "visitors": sorted(fitted.profiles),
        "unanswered": {"shown": len(run.dataset.shown), "pushed away": fitted.vain},
        "repeats": {goal.name: bool(goal.repeats) for goal in run.dataset.goals},
        "epochs": fitted.course.epochs,
        "speed": round(fitted.course.speed),
        "data": description(run.dataset),
        "measured": "trained on old events, chosen on newer ones, refreshed with them, measured on the newest",
        "live": "the measured weights refreshed with all events; tables of all events",
        "seconds": {**clock.seconds, "all": round(spent, 2)},
        "seconds a million events": round(spent * 1e6 / max(len(run.dataset.events), 1), 1),
    }


def span(dataset: Dataset) -> float:
    """Seconds from the first event to the last."""
    times = dataset.events.time[dataset.events.time > 0]
    return float(times.max() - times.min()) if len(times) else 0.0


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
    run: Run, network: Network, fitted: Fitted, table: Neighbours, priors: Floats, report: dict[str, Any], encoder: str
) -> Trained:
    """The artifact with its card, and the rows."""
    dataset = run.dataset
    names = [goal.name for goal in dataset.goals]
    arrays = {**network.query_arrays(), **network.tower_arrays()}
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
        **run.heard.config(),
        "profile": network.profiles.vocabulary.to_json() if network.profiles.arrays else {},
        "blends": {name: blend.to_json() for name, blend in zip(names, fitted.chosen.blends, strict=True)},
        "alphas": {},
        "settings": run.settings.to_json(),
        "seed": run.seed,
    }
    compared = any(blend.weights.get(TEXT) for blend in fitted.chosen.blends)
    config["texts"] = run.similar.shape[1] if compared else 0
    config["id"] = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest()[:16]
    return Trained(
        Artifact("base", config, arrays, card("base", config, report)),
        dataset.items.ids,
        run.vectors(network, dataset),
        network.tower.residual.weight.detach().numpy(),
        table,
        priors,
        report,
        on_disk(pack(run.similar)) if compared else None,
        fitted.snapshot,
    )
