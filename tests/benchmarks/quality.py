"""Ours beside the baselines on one dataset folder, last-out: every item ranked, settings chosen on validation alone.

python -m tests.benchmarks.quality --data DIR [--scenario S] [--json FILE] [--lists FILE] [--seeds 3]
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from mtrec_django.dataset import Dataset, Ints
from mtrec_django.learning.baselines import CLASSICAL, GRIDS, Known, run_baselines
from mtrec_django.learning.evaluation import margin, measure, per_query
from mtrec_django.learning.held_out import HeldOut, hold_out, protocol
from mtrec_django.learning.queries import Queries
from mtrec_django.learning.settings import Settings

from .sets import read

MOST_EASE = 17_000
"""Items or visitors, whichever are fewer; memory grows with the square of them."""


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    folder = read(options.data, encoder=options.encoder)
    dataset = folder.dataset
    names = [options.scenario] if options.scenario else [goal.name for goal in dataset.goals if goal.weights]
    report: dict[str, Any] = {"data": Path(options.data).name, "problems": folder.problems, "scenarios": {}}
    rows: list[tuple[str, str, int, str]] = []
    for name in names:
        scenario = dataset.scenario(name)
        result, lists, asked = compare(dataset, scenario, folder.split, options)
        report["scenarios"][name] = result
        show(name, result)
        rows += listed(dataset, asked, lists)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1))
    if options.lists:
        with Path(options.lists).open("w", newline="") as file:
            csv.writer(file).writerows([("model", "user_id", "rank", "item_id"), *rows])


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", required=True)
    made.add_argument("--scenario")
    made.add_argument("--json")
    made.add_argument("--lists")
    made.add_argument("--seeds", type=int, default=1)
    made.add_argument("--encoder", default="minilm")
    made.add_argument("--threads", type=int, default=0)
    made.add_argument("--baselines", default=",".join(GRIDS), help="a comma-separated choice of them, or nothing")
    return made


def compare(
    dataset: Dataset, scenario: int, part: np.ndarray | None, options: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, Ints], Queries]:
    """Every model's figures, the lists of the first seed, and the questions."""
    dataset, split = protocol(dataset, scenario, part)
    runs: list[dict[str, float]] = []
    first: HeldOut | None = None
    for seed in range(options.seeds):
        started = time.perf_counter()
        held = hold_out(dataset, split, settings=Settings(threads=options.threads), seed=seed, progress=watch)
        asked = held.questions(scenario)
        found = held.candidates(asked)
        ours = found.ranked(held.fitted.chosen.blends[scenario])
        runs.append(figures(held, asked, ours) | {"seconds": time.perf_counter() - started})
        if first is None:
            first, lists = held, {"ours": ours, **alone(found)}
    assert first is not None
    asked = first.questions(scenario)
    lists |= baselines(first, asked, options)
    models: dict[str, Any] = {name: figures(first, asked, ranked) for name, ranked in lists.items()}
    models["ours"] = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    result = {
        "questions": len(asked),
        "models": models,
        "seeds": [run["ndcg@10"] for run in runs],
        "margins": margins(asked, lists),
        "ratios": ratios(models),
        "ours": first.record(),
    }
    return result, lists, asked


def alone(found: Any) -> dict[str, Ints]:
    """Our own sources, each ranking the candidates by itself."""
    from mtrec_django.inference.blend import Blend

    return {f"our {name}": found.ranked(Blend({name: 1.0})) for name in found.features}


def baselines(held: HeldOut, asked: Queries, options: argparse.Namespace) -> dict[str, Ints]:
    dataset, scenario = held.run.dataset, asked.scenario
    names = [name for name in options.baselines.split(",") if name in GRIDS] if options.baselines else []
    if min(len(dataset.users), int(dataset.catalogue[scenario].sum())) > MOST_EASE:
        names = [name for name in names if not name.startswith("ease")]
    if not np.any(held.run.similar):
        names = [name for name in names if name != "textknn"]
    both = narrowed(held, scenario)
    results = run_baselines(both[0], both[1], held.questions(scenario, 1), asked, names=names)
    for name, result in results.items():
        print(f"  {name}: {result.setting}, {result.seconds:.1f} s", file=sys.stderr)
    return {name: result.lists for name, result in results.items()}


def narrowed(held: HeldOut, scenario: int) -> tuple[Known, Known]:
    """Baselines learn from the scenario's own events, as they usually do."""
    dataset, similar = held.run.dataset, held.run.similar
    return Known.of(dataset, held.train, scenario, similar), Known.of(dataset, held.both, scenario, similar)


def figures(held: HeldOut, asked: Queries, lists: Ints) -> dict[str, float]:
    events = held.both.events
    counts = np.bincount(events.item, minlength=len(held.run.dataset.items))
    catalogue = int(held.run.dataset.catalogue[asked.scenario].sum())
    similar = held.run.similar if np.any(held.run.similar) else None
    return measure(lists, asked.relevant, counts=counts, catalogue=catalogue, similar=similar)


def margins(asked: Queries, lists: dict[str, Ints]) -> dict[str, Any]:
    each = {name: per_query(ranked, asked.relevant)["ndcg@10"] for name, ranked in lists.items()}
    return {name: margin(each["ours"], values) for name, values in each.items() if name != "ours"}


def ratios(models: dict[str, Any]) -> dict[str, Any]:
    others = {
        name: values["ndcg@10"] for name, values in models.items() if name != "ours" and not name.startswith("our ")
    }
    classical = {name: value for name, value in others.items() if name in CLASSICAL}
    ours = models["ours"]["ndcg@10"]
    out = {}
    for what, group in (("best of all", others), ("best classical", classical)):
        if group:
            best = max(group, key=lambda name: group[name])
            out[what] = {"model": best, "ratio": ours / max(group[best], 1e-12)}
    return out


def listed(dataset: Dataset, asked: Queries, lists: dict[str, Ints]) -> list[tuple[str, str, int, str]]:
    names = {"ours", "popularity", "itemknn", "ials", "ease", "textknn"}
    users, items = dataset.users.ids[asked.user], dataset.items.ids
    return [
        (name, str(user), rank + 1, str(items[item]))
        for name, ranked in lists.items()
        if name in names
        for user, row in zip(users, ranked, strict=True)
        for rank, item in enumerate(row)
        if item >= 0
    ]


def show(name: str, result: dict[str, Any]) -> None:
    print(f"\n{name}: {result['questions']} questions, {result['ours']['seconds']}")
    print(f"{'model':24}{'NDCG@10':>9}{'HR@10':>9}{'R@50':>9}{'MRR@10':>9}{'cover':>9}")
    for model, values in sorted(result["models"].items(), key=lambda pair: -pair[1]["ndcg@10"]):
        cells = [values[key] for key in ("ndcg@10", "hit@10", "recall@50", "mrr@10", "coverage@10")]
        print(f"{model:24}" + "".join(f"{cell:9.4f}" for cell in cells))
    for what, ratio in result["ratios"].items():
        print(f"ours / {what}: {ratio['ratio']:.3f} ({ratio['model']})")
    print(json.dumps(result["ours"]["validation"]), result["ours"]["table"], result["ours"]["text_share"])


def watch(step: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{step} {done}/{total}   ", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
