"""One scenario's own part: a low-rank change of the query side, trained with the base frozen, behind a guard.

What does not beat the base on held-out events beyond noise is not published: alpha 0 is the base itself.
"""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..dataset import Bools, Dataset, Floats, Longs
from ..inference.artifact import Artifact
from ..inference.blend import Blend
from ..inference.query import QueryEncoder
from .artifacts import Trained, Transfer, card
from .blending import Scorer, blend_of, choose
from .candidates import full_ndcg
from .cleaning import clean
from .evaluation import margin, measure, per_query
from .measuring import FEWEST_QUESTIONS, candidates
from .network import Delta, QueryNetwork, Shape
from .placing import aligned_vectors, kind_map, with_kinds_of
from .pretrain import TorchThreads, description
from .profiles import visitors_of
from .queries import Queries, Split, encode, relevant_count
from .run import Run
from .sampling import Sampler, repeated, visits_share
from .settings import Progress, Settings, silent
from .sources import Recipe, prior

ALPHAS = (0.0, 0.25, 0.5, 1.0)
BATCH = 2048
FEWEST_STEPS = 80
MOST_STEPS = 150


@dataclass(slots=True)
class Frozen:
    """The base as the transfer sees it: nothing of it learns."""

    base: Trained
    vectors: Floats  # [items, dim], in the data set's order
    query: QueryNetwork
    scale: float


def transfer(
    base: Trained,
    dataset: Dataset,
    scenario: str,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Transfer:
    """Train on the scenario's old events, choose gate and blend on newer ones, compare with the base on the newest.

    The base takes part as it was before it learned from everything, so that neither side has seen the answers; then
    the scenario's part is trained again on all events for the base that is live.

    Raises:
        LookupError: when the data set has no such scenario.
    """
    settings, progress = settings or Settings(), progress or silent
    started = time.perf_counter()
    with TorchThreads(settings.thread_count()):
        run = Run.prepare(clean(dataset).dataset, settings, seed, progress, like=base.artifact.config)
        dataset = run.dataset
        goal = dataset.scenario(scenario)
        split = run.split()
        frozen = freeze(base.before_everything(), dataset)
        progress("train", 0, 1)
        delta = train_delta(frozen, dataset, goal, split.part == 0, settings, seed, progress)
        measured = _guarded(run, frozen, goal, split, delta, started)
        if base.measured is None or not measured.publish or measured.report["alpha"] == 0:
            return measured
        everything = np.ones(len(dataset.events), bool)
        live = train_delta(freeze(base, dataset), dataset, goal, everything, settings, seed, progress)
        arrays = delta_artifact(base, scenario, live, measured.report["alpha"]).arrays
        return replace(measured, artifact=replace(measured.artifact, arrays=arrays))


def freeze(base: Trained, dataset: Dataset) -> Frozen:
    """Vectors in the data set's order and the query network in evaluation mode."""
    config = base.artifact.config
    shape = Shape(0, 1, len(config["kinds"]), config["dim"], config["heads"], config["length"])
    query = QueryNetwork(shape)
    state = {name: torch.from_numpy(array) for name, array in base.artifact.part("query").items()}
    query.load_state_dict(state, strict=False)
    scale = float(base.artifact.arrays["scale"][0])
    return Frozen(base, aligned_vectors(base, dataset.items), query.eval(), scale)


def train_delta(
    frozen: Frozen,
    dataset: Dataset,
    goal: int,
    known: Bools,
    settings: Settings,
    seed: int,
    progress: Progress,
    *,
    start: Delta | None = None,
) -> Delta:
    """Seconds: the states are computed once, then only the scenario's part is turned, from nothing or a `start`."""
    torch.manual_seed(seed)
    delta = Delta(frozen.vectors.shape[1], settings.rank) if start is None else deepcopy(start)
    state, target, weight = scenario_states(frozen, dataset, goal, known, settings, seed, progress)
    if not len(target):
        return delta
    vectors = torch.from_numpy(frozen.vectors)
    allowed = np.flatnonzero(dataset.catalogue[goal])
    rng = np.random.default_rng(seed)
    steps = int(np.clip(settings.epochs * len(target) // BATCH, FEWEST_STEPS, MOST_STEPS))
    optimiser = torch.optim.AdamW(delta.parameters(), lr=5e-3, weight_decay=1e-2)
    for step in range(steps):
        rows = torch.from_numpy(rng.integers(0, len(target), min(BATCH, len(target))))
        negatives = rng.choice(allowed, min(settings.negatives, len(allowed)), replace=False)
        loss = delta_loss(delta, state[rows], target[rows], weight[rows], vectors, negatives, frozen.scale)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 5 == 0:
            progress("train", step, steps)
    return delta.eval()


def delta_loss(
    delta: Delta, state: Tensor, target: Tensor, weight: Tensor, vectors: Tensor, negatives: Longs, scale: float
) -> Tensor:
    """Weighted cross entropy of the targets among themselves and uniform negatives."""
    items, right = torch.unique(torch.cat([target, torch.from_numpy(negatives)]), return_inverse=True)
    count = torch.bincount(right[: len(target)], minlength=len(items)).float()
    query = functional.normalize(delta(state), dim=-1)
    logits = scale * query @ vectors[items].T - torch.log(count + len(target) / len(items))
    losses = functional.cross_entropy(logits, right[: len(target)], reduction="none")
    return (losses * weight).sum() / weight.sum()


@torch.no_grad()
def scenario_states(
    frozen: Frozen, dataset: Dataset, goal: int, known: Bools, settings: Settings, seed: int, progress: Progress
) -> tuple[Tensor, Tensor, Tensor]:
    """The base's state before each wanted event, the event and its weight. [targets, dim], [targets], [targets]"""
    events = dataset.events[known]
    weight = np.maximum(dataset.weight(goal)[known], 0)
    if not dataset.goals[goal].repeats:
        weight = np.where(repeated(events), 0, weight)
    weight = weight / max(float(weight.max(initial=0)), 1e-9)
    sampler = Sampler(
        events,
        weight.astype(np.float32),
        len(dataset.users),
        len(dataset.goals),
        length=settings.length,
        batch_tokens=4 * settings.batch_tokens,
        max_positions=settings.max_positions // 4,
        rng=np.random.default_rng(seed),
        later=1.0 if not dataset.goals[goal].in_session and visits_share(events) > 0.2 else 0.0,
    )
    kinds = kind_map(frozen.base, dataset)
    vectors = torch.from_numpy(frozen.vectors)
    parts: list[tuple[Tensor, Longs, Floats]] = []
    for number, batch in enumerate(sampler.epoch()):
        progress("read histories", number, sampler.batches())
        rows, width = batch.items.shape
        flat = frozen.query.empty[None]
        if width:
            ages = batch.ages if batch.ages is not None else np.zeros((rows, width, width), np.int64)
            encoded = frozen.query(
                vectors[batch.items],
                torch.from_numpy(kinds[batch.kinds]),
                torch.from_numpy(ages),
                torch.from_numpy(batch.here),
            )
            flat = torch.cat([flat, encoded.reshape(rows * width, -1)])
        at = np.where(batch.at < 0, 0, 1 + batch.row * width + batch.at)
        parts.append((flat[torch.from_numpy(at)], batch.target, batch.weight))
    if not parts:
        return torch.zeros(0, vectors.shape[1]), torch.zeros(0, dtype=torch.long), torch.zeros(0)
    return (
        torch.cat([part[0] for part in parts]),
        torch.from_numpy(np.concatenate([part[1] for part in parts])),
        torch.from_numpy(np.concatenate([part[2] for part in parts])),
    )


def _guarded(run: Run, frozen: Frozen, goal: int, split: Split, delta: Delta, started: float) -> Transfer:
    """Gate and blend by validation, decision by test."""
    base, dataset, name = frozen.base, run.dataset, run.dataset.goals[goal].name
    stored = base.report.get("recipe")
    recipe = Recipe(**stored) if stored else Recipe()
    half_life = recipe.half_life[goal] if goal < len(recipe.half_life) else 0.0
    asked = run.ask(goal, split, 1)
    run.progress("choose gate", 0, 1)
    alpha, tried = choose_alpha(frozen, dataset, asked, delta, name)
    artifact = delta_artifact(base, name, delta, alpha)
    visitors = visitors_of(base, dataset, dataset.events[split.part == 0], frozen.vectors)
    encoder = replace(QueryEncoder.from_artifacts(base.artifact, artifact), visitors=visitors)
    run.progress("choose blend", 0, 1)
    blend = _own_blend(run, frozen, split, asked, encoder, recipe, half_life)
    arms = {"transfer": (encoder, blend), "base": (replace(base.encoder(name), visitors=visitors), base.blend(name))}
    metrics, one = _compared(run, frozen, goal, split, arms, recipe, half_life)
    report: dict[str, Any] = {
        "decision": _decision(one, alpha),
        "metrics": {name: metrics},
        "alpha": alpha,
        "alphas": tried,
        "blend": blend.to_json(),
        "half_life": half_life,
        "data": description(dataset),
        "seconds": {"all": round(time.perf_counter() - started, 2)},
    }
    config = {"base": base.id, "scenario": name, "alpha": alpha, "blend": blend.to_json(), "seed": run.seed}
    config["settings"] = run.settings.to_json()
    artifact = replace(artifact, config=config, card=card("transfer", config, report))
    return Transfer(artifact, name, prior(dataset, goal, half_life), report)


def _compared(
    run: Run,
    frozen: Frozen,
    goal: int,
    split: Split,
    arms: dict[str, tuple[QueryEncoder, Blend]],
    recipe: Recipe,
    half_life: float,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Both arms on the newest events, and the margin between them."""
    run.progress("measure", 0, 1)
    dataset = run.dataset
    before = dataset.with_events(dataset.events[split.part < 2])
    table = recipe.build(before, run.settings, run.by_text, run.cold_places).matrix()
    values = prior(before, goal, half_life)
    test = run.ask(goal, split, 2)
    counts = np.bincount(before.events.item, minlength=len(dataset.items))
    catalogue = int(dataset.catalogue[goal].sum())
    metrics: dict[str, Any] = {"questions": len(test)}
    each = {}
    for arm, (encoder, blend) in arms.items():
        asked = with_kinds_of(frozen.base, dataset)
        similar = run.texts(blend)
        lists = candidates(asked, test, encoder, frozen.vectors, table, blend, values, similar).ranked(blend)
        metrics[arm] = measure(lists, test.relevant, counts=counts, catalogue=catalogue)
        each[arm] = per_query(lists, test.relevant)["ndcg@10"]
    return metrics, margin(each["transfer"], each["base"], seed=run.seed)


def choose_alpha(
    frozen: Frozen, dataset: Dataset, asked: Queries, delta: Delta, name: str
) -> tuple[float, dict[str, float]]:
    """The gate with the best NDCG@10 of the network alone; 0 unless another is better by 0.3 %."""
    tried: dict[str, float] = {}
    best, chosen = 0.0, 0.0
    for alpha in ALPHAS if len(asked) else ():
        artifact = delta_artifact(frozen.base, name, delta, alpha)
        queries = encode(
            QueryEncoder.from_artifacts(frozen.base.artifact, artifact),
            frozen.vectors,
            with_kinds_of(frozen.base, dataset).events,
            asked,
        )
        each = full_ndcg(asked, dataset.catalogue[asked.scenario], _by_vector(queries, frozen.vectors))
        tried[str(alpha)] = value = float(each.mean())
        if value > best * 1.003:
            best, chosen = value, alpha
    return chosen, tried


def _by_vector(queries: Floats, vectors: Floats) -> Any:
    return lambda rows: queries[rows] @ vectors.T


def _own_blend(
    run: Run,
    frozen: Frozen,
    split: Split,
    asked: Queries,
    encoder: QueryEncoder,
    recipe: Recipe,
    half_life: float,
) -> Blend:
    """Weights chosen anew, since the personal score is another one now."""
    reading = frozen.base.blend(run.dataset.goals[asked.scenario].name)
    if not len(asked):
        return reading
    old = run.dataset.with_events(run.dataset.events[split.part == 0])
    table = recipe.build(old, run.settings, run.by_text, run.cold_places).matrix()
    values = prior(old, asked.scenario, half_life)
    data = with_kinds_of(frozen.base, run.dataset)
    similar = run.similar if frozen.base.artifact.config.get("texts") else None  # or serving has none to compare by
    found = candidates(data, asked, encoder, frozen.vectors, table, reading, values, similar)
    choice = choose(Scorer(found, relevant_count(asked), found.features))
    goal = asked.scenario
    known = replace(recipe, unmet_text=recipe.unmet_text[goal : goal + 1])
    return known.heeded([blend_of(choice, reading)])[0]


def _decision(one: dict[str, float], alpha: float) -> dict[str, Any]:
    words = f"{one['ratio']:.3f} x base ({one['mean']:+.4f}, {one['low']:+.4f} to {one['high']:+.4f})"
    if one["n"] < FEWEST_QUESTIONS:
        return {"publish": False, "reason": f"only {one['n']} test questions: too few to measure", "margin": one}
    good = one["low"] > 0
    reason = f"NDCG@10 {words}" if good else f"does not beat the base beyond noise: {words}"
    return {"publish": good, "reason": reason + f", gate {alpha}", "margin": one}


def delta_artifact(base: Trained, scenario: str, delta: Delta, alpha: float) -> Artifact:
    """The scenario's part as the query encoder reads it."""
    arrays = {f"delta.{name}": tensor.detach().numpy().copy() for name, tensor in delta.state_dict().items()}
    return Artifact("transfer", {"base": base.id, "scenario": scenario, "alpha": alpha}, arrays)
