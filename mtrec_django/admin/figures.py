"""Figures of versions, read from what their trainings wrote, in the shape that the pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from ..models import ModelVersion

HEADLINE = ("ndcg@10", "recall@50")
"""The metrics that the dashboard shows; the page of a version shows all."""

OWN = "ours"
"""The key under which a training stores the metrics of what it would serve, beside those of the baselines."""

METRIC = "ndcg@10"
"""The metric that decides, and for which margins are kept."""

LABELS = {
    OWN: _("this version"),
    "base": _("base"),
    "network": _("its network alone"),
    "popularity": _("popularity"),
    "itemknn": _("ItemKNN"),
    "live": _("live before"),
    "ndcg@10": "NDCG@10",
    "recall@10": "Recall@10",
    "recall@50": "Recall@50",
    "precision@10": "Precision@10",
    "f1@10": "F1@10",
    "hit@10": "Hit@10",
    "mrr@10": "MRR@10",
    "mrr@50": "MRR@50",
    "coverage@10": _("Coverage@10"),
    "novelty@10": _("Novelty@10 (bits)"),
    "popularity@10": _("Popularity@10"),
    "diversity@10": _("Diversity@10"),
    "validation": _("validation"),
    "loss": _("training loss"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One model's metrics in one scenario."""

    label: str
    values: list[float | None]
    own: bool


@dataclass(frozen=True, slots=True)
class Margin:
    """By how much a version beats another model, in percent, with its 95 % interval where it is known."""

    against: str
    metric: str
    percent: float
    low: float | None = None
    high: float | None = None

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def won(self) -> bool:
        return self.percent > 0


@dataclass(frozen=True, slots=True)
class Table:
    """A version beside its baselines in one scenario."""

    scenario: str
    metrics: list[str]
    rows: list[Row]
    margins: list[Margin]
    questions: int | None = None  # visitors whose lists were measured

    @property
    def by_metric(self) -> list[tuple[str, list[tuple[float | None, bool]]]]:
        """The same turned over, a metric a line: each model's value, and whether it is our own."""
        return [(name, [(row.values[at], row.own) for row in self.rows]) for at, name in enumerate(self.metrics)]


def label(key: str) -> str:
    """A key of the learner in words; the key itself when it has none."""
    return str(LABELS.get(key.lower(), key))


def table(version: ModelVersion, scenario: str, only: Sequence[str] | None = None) -> Table | None:
    """The metrics of a version in one scenario; None when it was not measured there."""
    models = version.metrics.get(scenario)
    if not isinstance(models, Mapping):
        return None
    models = {name: values for name, values in models.items() if isinstance(values, Mapping)}
    if not models:
        return None
    names = [name for name in only or _metric_names(models) if any(name in values for values in models.values())]
    rows = [
        Row(label(name), [number(values.get(metric)) for metric in names], name == OWN)
        for name, values in sorted(models.items(), key=lambda pair: pair[0] != OWN)
    ]
    questions = version.metrics[scenario].get("questions")
    shown = [label(name) for name in names]
    return Table(scenario, shown, rows, margins(version, scenario), questions if isinstance(questions, int) else None)


def tables(version: ModelVersion) -> list[Table]:
    """The metrics of a version in every scenario it was measured in."""
    return [found for name in version.metrics if (found := table(version, name)) is not None]


def margins(version: ModelVersion, scenario: str) -> list[Margin]:
    """By how much the version beats each other model in a scenario, in NDCG@10, with its 95 % interval."""
    stored = version.report.get("margins")
    stored = stored.get(scenario) if isinstance(stored, Mapping) else None
    measured = version.metrics.get(scenario, {})
    found = []
    for name, interval in stored.items() if isinstance(stored, Mapping) else ():
        values = measured.get(name)
        theirs = number(values.get(METRIC)) if isinstance(values, Mapping) else None
        if not isinstance(interval, Mapping) or not theirs or number(interval.get("mean")) is None:
            continue  # nothing to be a percentage of
        low, high = (number(interval.get(end)) for end in ("low", "high"))
        percent = 100 * interval["mean"] / theirs
        limits = (None if end is None else 100 * end / theirs for end in (low, high))
        found.append(Margin(label(name), label(METRIC), percent, *limits))
    return found


def _metric_names(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    names: dict[str, None] = dict.fromkeys(HEADLINE)
    for values in models.values():
        names |= dict.fromkeys(name for name, value in values.items() if number(value) is not None)
    return list(names)


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
