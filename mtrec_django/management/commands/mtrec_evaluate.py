"""How good the recommendations are, beside what anyone could use instead."""

from __future__ import annotations

import csv
import json
import zlib
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from ..progress import console_for, progress_bar

if TYPE_CHECKING:
    from ...learning.comparison import Plan

FAILURES = (LookupError, OSError, EOFError, ValueError, csv.Error, zlib.error)  # no such scenario, broken files

LOST = 2
"""Exit code of `--must-win` when ours is worse than a baseline beyond noise."""

FOUND = {
    "NDCG@10": "ndcg@10",
    "recall@10": "recall@10",
    "recall@50": "recall@50",
    "precision@10": "precision@10",
    "F1@10": "f1@10",
    "hit@10": "hit@10",
    "MRR@10": "mrr@10",
    "AUC": "auc",
    "accuracy@10": "accuracy@10",
}
"""Column -> key of how often the lists are right."""

ALIKE = {"coverage": "coverage@10", "novelty": "novelty@10", "diversity": "diversity@10", "popularity": "popularity@10"}
"""Column -> key of what the lists are like."""

LESSON = """
Trains on older events, chooses on newer ones and asks for the newest, as a training does; then ranks every item that
may be shown. Nothing that is live is touched, and nothing is published.

  mtrec_evaluate                          the site's own events, split by time
  mtrec_evaluate --scenario basket        one scenario of them
  mtrec_evaluate DIR --protocol last-out  a dataset folder: each visitor's last item is asked for
  mtrec_evaluate --hide-items 0.1         a tenth of the items as if they were new
  mtrec_evaluate --must-win --json        for scripts: exit code 2 where a baseline is better beyond noise

Read NDCG@10 first: 1 when the wanted items stand at the top of ten, 0 when none is among them. Recall@50 says how many
of them are found at all. Differences inside each other's intervals are noise. Accuracy is near 1 for any list, since
nearly every item is neither shown nor wanted. Popularity is the mean rank of what is shown, 1 for the best sellers
alone; novelty is its surprise in bits; diversity is 1 less the likeness of two of a list; coverage is the share of the
catalogue that anyone is shown.
"""


class Command(BaseCommand):
    """`mtrec_evaluate [DIR]`: ours and the baselines, in every usual figure, with intervals."""

    help = "Measure the recommendations on held-out events beside popularity, ItemKNN, EASE, iALS and nearest texts."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"epilog": LESSON, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", metavar="DIR", help="a dataset folder; without it the site's events")
        parser.add_argument("--scenario", action="append", metavar="NAME", help="only this one; may be repeated")
        parser.add_argument(
            "--protocol",
            choices=("time", "last-out"),
            default="time",
            help="hold out the newest 15 %% of the time, or each visitor's last item; a folder's own split wins",
        )
        parser.add_argument("--baselines", metavar="A,B", help="a choice of them, or nothing (default: all)")
        parser.add_argument("--hide-items", type=share, default=0.0, metavar="SHARE", help="of the items, as if new")
        parser.add_argument("--questions", type=int, default=20_000, metavar="N", help="visitors asked at most")
        parser.add_argument("--seed", type=int, default=0, help="of training and draws (default 0)")
        parser.add_argument("--must-win", action="store_true", help="exit with 2 where a baseline wins beyond noise")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from ...learning.comparison import BASELINES
        except ModuleNotFoundError as error:
            raise CommandError(f"{error}: evaluating needs the extra [train]") from error
        plan = plan_of(options, BASELINES)
        with progress_bar(self.stdout, disable=options["json"] or options["verbosity"] == 0) as progress:
            try:
                report = evaluated(options["folder"], plan, progress)
            except FAILURES as error:
                raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report))
        elif options["verbosity"]:
            show(console_for(self.stdout), report)
        asked = {name: one for name, one in report["scenarios"].items() if one["questions"]}
        if not asked:
            raise CommandError("nothing to ask for: too few events are held out")
        if options["must_win"] and (lost := losses(asked)):
            raise CommandError("; ".join(lost), returncode=LOST)


def share(text: str) -> float:
    """A number from 0 to below 1."""
    try:
        number = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no number") from error
    if not 0 <= number < 1:
        raise ArgumentTypeError(f"{text} is not from 0 to below 1")
    return number


def plan_of(options: dict[str, Any], known: tuple[str, ...]) -> Plan:
    """What the options ask for."""
    from ...learning.comparison import Plan

    asked = options["baselines"]
    names = known if asked is None else tuple(name for name in asked.split(",") if name)
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"no baseline {unknown[0]}: there are {', '.join(known)}")
    return Plan(
        protocol=options["protocol"],
        scenarios=options["scenario"] or (),
        baselines=names,
        seed=options["seed"],
        hidden=options["hide_items"],
        questions=options["questions"],
    )


def evaluated(folder: str | None, plan: Plan, progress: Any) -> dict[str, Any]:
    """The report."""
    from ...jobs.evaluating import evaluate_folder, evaluate_site

    return evaluate_folder(Path(folder), plan, progress) if folder else evaluate_site(plan, progress)


def losses(scenarios: dict[str, Any]) -> list[str]:
    """Where a baseline is better than ours beyond noise."""
    return [
        f"{name}: {model} is better by {-one['mean']:.4f} ({-one['high']:.4f} to {-one['low']:.4f})"
        for name, result in scenarios.items()
        for model, one in result["margins"].items()
        if model != "network" and one["high"] < 0
    ]


def show(console: Console, report: dict[str, Any]) -> None:
    """Three tables a scenario: what is found, what the lists are like, and for whom."""
    for cause, count in report["removed"].items():
        if count:
            console.print(f"left out before: {count:,} {cause}")
    for name, result in report["scenarios"].items():
        console.print(f"\n[bold]{name}[/bold], {report['protocol']}: {result['questions']:,} questions")
        if not result["questions"]:
            continue
        console.print(_table(result, FOUND), _table(result, ALIKE), _activity(result))
        if result["cold items"]["questions"]:
            console.print(_cold(result["cold items"]))
        for model, why in result["left out"].items():
            console.print(f"{model} left out: {why}")


def _ordered(models: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(models.items(), key=lambda pair: -pair[1]["ndcg@10"])


def _table(result: dict[str, Any], columns: dict[str, str]) -> Table:
    table = Table("model", *columns)
    for model, values in _ordered(result["models"]):
        cells = [_cell(values, key) for key in columns.values() if key in values]
        table.add_row(model, *cells, style="bold" if model == "ours" else None)
    return table


def _cell(values: dict[str, Any], key: str) -> str:
    low, high = values["intervals"].get(key, (None, None))
    around = f" ±{(high - low) / 2:.4f}" if low is not None else ""
    return f"{values[key]:.4f}{around}"


def _activity(result: dict[str, Any]) -> Table:
    groups = result["by activity"]
    heads = [f"{group}, {one['questions']:,} visitors" for group, one in groups.items()]
    table = Table("NDCG@10 by known events", *heads)
    for model, _ in _ordered(result["models"]):
        cells = [f"{one['models'][model]['ndcg@10']:.4f}" for one in groups.values()]
        table.add_row(model, *cells, style="bold" if model == "ours" else None)
    return table


def _cold(result: dict[str, Any]) -> Table:
    table = Table(f"items that nobody had met, {result['questions']:,} questions", "NDCG@10", "recall@50")
    for model, values in _ordered(result["models"]):
        table.add_row(model, f"{values['ndcg@10']:.4f}", f"{values['recall@50']:.4f}")
    return table
