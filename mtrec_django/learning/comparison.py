"""Ours beside the baselines on one data set, in every figure that is usual: what `mtrec_evaluate` tells.

One training a protocol: the network never sees what it is asked for, every choice is made on validation, and every
item that may be shown is ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dataset import Bools, Dataset, Floats, Ints
from ..inference.blend import PERSONAL, Blend
from .baselines import Known, run_baselines
from .candidates import Candidates, Score, blend_scores, chunks, forbidden
from .evaluation import Doubles, auc, interval, margin, measure, per_query
from .held_out import HeldOut, hold_out, protocol
from .pretrain import description
from .queries import Queries, Split, time_split
from .settings import Progress, Settings, silent

PROTOCOLS = ("time", "last-out")

BASELINES = ("popularity", "itemknn", "itemknn-recency", "ease", "ials", "textknn")

ACTIVITY = {"cold": (0, 0), "few": (1, 9), "many": (10, None)}
"""Known events of a visitor when he asks: from, to."""

INTERVALS = ("ndcg@10", "recall@50")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate, and how."""

    protocol: str = "time"
    scenarios: Sequence[str] = ()
    """By name; none means all."""
    baselines: Sequence[str] = BASELINES
    seed: int = 0
    hidden: float = 0.0
    """Share of items whose events are hidden from training and from histories, to ask for them as cold ones."""
    questions: int = 20_000
    """Visitors of a scenario who are asked, drawn at random when there are more."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What one model shows, and its scores of everything."""

    top: Ints  # [queries, 50]
    score: Score


def compare(
    dataset: Dataset,
    plan: Plan,
    *,
    given: npt.NDArray[np.int8] | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The report, JSON only.

    Args:
        given: the part of each event (0 training, 1 validation, 2 test), where the data set came with a split; it is
            used instead of the plan's protocol. [events]

    Raises:
        LookupError: when the data set has no such scenario.
    """
    settings, progress = settings or Settings(), progress or silent
    wanted = plan.scenarios or [goal.name for goal in dataset.goals if goal.weights]
    positions = [dataset.scenario(name) for name in wanted]
    timed = given is None and plan.protocol == "time"
    report: dict[str, Any] = {
        "protocol": "given" if given is not None else plan.protocol,
        "seed": plan.seed,
        "data": description(dataset),
        "settings": settings.to_json(),
        "scenarios": {},
    }
    held: HeldOut | None = None
    for position in positions:
        if held is None or not timed:
            data, split = (dataset, time_split(dataset.events)) if timed else protocol(dataset, position, given)
            hidden = hidden_items(data, plan)
            data, split = without(data, split, hidden)
            held = hold_out(data, split, settings=settings, seed=plan.seed, progress=progress)
        report["scenarios"][dataset.goals[position].name] = _scenario(held, position, hidden, plan, progress)
    return report


def hidden_items(dataset: Dataset, plan: Plan) -> Bools:
    """The same ones for the same seed. [items]"""
    return np.random.default_rng(plan.seed).random(len(dataset.items)) < plan.hidden


def without(dataset: Dataset, split: Split, hidden: Bools) -> tuple[Dataset, Split]:
    """As if nobody had met the hidden items before the test."""
    kept = ~(hidden[dataset.events.item] & (split.part < 2))
    return dataset.with_events(dataset.events[kept]), replace(split, part=split.part[kept])


def _scenario(held: HeldOut, scenario: int, hidden: Bools, plan: Plan, progress: Progress) -> dict[str, Any]:
    asked = held.questions(scenario).sample(plan.questions, plan.seed)
    if not len(asked):
        return {"questions": 0}
    names, left_out = affordable(held, scenario, plan.baselines)
    models = ours(held, asked) | baselines(held, asked, names, progress)
    catalogue = int(held.run.dataset.catalogue[scenario].sum())
    each = {name: per_query(one.top, asked.relevant, catalogue=catalogue) for name, one in models.items()}
    for name, one in models.items():
        progress("measure", len(each), len(models))
        each[name]["auc"] = aucs(asked, held.run.dataset.catalogue[scenario], one.score)
    return {
        "questions": len(asked),
        "items": catalogue,
        "left out": left_out,
        "models": {name: figures(held, asked, one, each[name]) for name, one in models.items()},
        "margins": {
            name: margin(each["ours"]["ndcg@10"], values["ndcg@10"], seed=plan.seed)
            for name, values in each.items()
            if name != "ours"
        },
        "by activity": by_activity(asked, each),
        "cold items": cold_items(held, asked, models),
        "training": held.record(),
    }


def affordable(held: HeldOut, scenario: int, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Baselines that can be run here, and why the others are not."""
    dataset, most = held.run.dataset, held.run.settings.ease_items
    large = min(int(dataset.catalogue[scenario].sum()), len(dataset.users)) > most
    reasons = {
        "ease": f"more than {most:,} items and visitors" if large else "",
        "ials": "" if find_spec("implicit") else "the library implicit is not installed",
        "textknn": "" if np.any(held.run.similar) else "no texts",
    }
    left_out = {name: why for name in names if (why := reasons.get(name.partition("-")[0], ""))}
    return [name for name in names if name not in left_out], left_out


def ours(held: HeldOut, asked: Queries) -> dict[str, Lists]:
    """What would be served, and the network without its helpers."""
    found, items = held.candidates(asked), len(held.run.dataset.items)
    blends = {"ours": held.fitted.chosen.blends[asked.scenario], "network": Blend({PERSONAL: 1.0})}
    return {name: Lists(found.ranked(blend), spread(found, blend, items)) for name, blend in blends.items()}


def spread(found: Candidates, blend: Blend, items: int) -> Score:
    """The scores of the candidates among all items: what is no candidate stands below, all alike."""
    scores = blend_scores(found, blend)

    def score(rows: slice) -> Floats:
        out = np.full((rows.stop - rows.start, items), -np.inf, np.float32)
        row, column = np.nonzero(found.items[rows] >= 0)
        out[row, found.items[rows][row, column]] = scores[rows][row, column]
        return out

    return score


def baselines(held: HeldOut, asked: Queries, names: Sequence[str], progress: Progress) -> dict[str, Lists]:
    """Each learns from the scenario's own events, as is usual, and is tuned on validation."""
    dataset, similar = held.run.dataset, held.run.similar
    train, both = (Known.of(dataset, known, asked.scenario, similar) for known in (held.train, held.both))
    validation = held.questions(asked.scenario, 1)
    made: dict[str, Lists] = {}
    for name in names:
        progress(f"baselines of {dataset.goals[asked.scenario].name}", len(made), len(names))
        result = run_baselines(train, both, validation, asked, names=[name])[name]
        made[name] = Lists(result.lists, result.score)
    return made


def aucs(asked: Queries, catalogue: Bools, score: Score) -> Doubles:
    """ROC-AUC of each question over every item that may be shown. [queries]"""
    out = np.full(len(asked), 0.5)
    for rows in chunks(asked, len(catalogue)):
        allowed = ~forbidden(asked, catalogue, rows)
        scores, right = score(rows), np.asarray(asked.relevant[rows].todense()) > 0
        for row in range(len(scores)):
            out[rows.start + row] = auc(scores[row][allowed[row]], right[row][allowed[row]])
    return out


def figures(held: HeldOut, asked: Queries, lists: Lists, each: dict[str, Doubles]) -> dict[str, Any]:
    """Means over the questions, two of them with intervals, and what the lists are like as a whole."""
    dataset = held.run.dataset
    counts = np.bincount(held.both.events.item, minlength=len(dataset.items))
    similar = held.run.similar if np.any(held.run.similar) else None
    catalogue = int(dataset.catalogue[asked.scenario].sum())
    values: dict[str, Any] = measure(lists.top, asked.relevant, counts=counts, catalogue=catalogue, similar=similar)
    values["auc"] = float(each["auc"].mean())
    values["intervals"] = {name: interval(each[name], seed=held.run.seed) for name in INTERVALS}
    return values


def by_activity(asked: Queries, each: dict[str, dict[str, Doubles]]) -> dict[str, Any]:
    """Every model by how many events of the visitor are known when he asks."""
    known = asked.end - asked.begin
    out: dict[str, Any] = {}
    for group, (least, most) in ACTIVITY.items():
        rows = (known >= least) & (known <= (known if most is None else most))
        if rows.any():
            means = {
                model: {name: float(values[name][rows].mean()) for name in (*INTERVALS, "auc")}
                for model, values in each.items()
            }
            out[group] = {"questions": int(rows.sum()), "models": means}
    return out


def cold_items(held: HeldOut, asked: Queries, models: dict[str, Lists]) -> dict[str, Any]:
    """The questions whose right answers include items that nobody is known to have met; only those count as right."""
    cold = np.bincount(held.both.events.item, minlength=len(held.run.dataset.items)) == 0
    right = asked.relevant.multiply(cold[None, :].astype(np.float32)).tocsr()
    right.eliminate_zeros()
    rows = np.flatnonzero(np.asarray(right.sum(axis=1)).ravel() > 0)
    out: dict[str, Any] = {"items": int(cold.sum()), "questions": len(rows)}
    if len(rows):
        values = {name: per_query(one.top[rows], right[rows]) for name, one in models.items()}
        out["models"] = {
            model: {name: float(value[name].mean()) for name in INTERVALS} for model, value in values.items()
        }
    return out
