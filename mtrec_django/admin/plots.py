"""What a version's figures look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from ..models import ModelVersion, Scenario
from .charts import Chart, intervals, lines
from .figures import METRIC, OWN, label, margins, number
from .item_map import item_map

VERSIONS = 20
"""So many of the newest versions are compared on a scenario's page."""

RIVALS = ("popularity", "itemknn")
"""Baselines whose lines stand beside a scenario's versions."""


def plots(version: ModelVersion) -> Iterator[Chart]:
    """Training by epoch, margins with intervals, the long tail, and the map of items."""
    yield from _by_epoch(version)
    for scenario in version.metrics:
        yield from _margins(version, scenario)
    tails = version.report.get("tails")
    for scenario, curves in tails.items() if isinstance(tails, Mapping) else ():
        yield long_tail(scenario, curves)
    drawn = item_map(version)
    if drawn is not None:
        yield drawn


def by_version(scenario: Scenario) -> Chart | None:
    """The deciding metric of a scenario's newest versions, oldest first; None with fewer than two."""
    found = ModelVersion.objects.filter(metrics__has_key=scenario.name).exclude(report={}).order_by("-pk")
    measured = list(found.only("pk", "metrics")[:VERSIONS])[::-1]
    if len(measured) < 2:
        return None
    series = {
        label(model): [_metric(version, scenario.name, model) for version in measured] for model in (OWN, *RIVALS)
    }
    title = _("%(metric)s by version") % {"metric": label(METRIC)}
    return lines(title, [f"v{version.pk}" for version in measured], series)


def long_tail(scenario: str, curves: Mapping[str, Any]) -> Chart:
    """How much of what is shown goes to the most popular part of the catalogue."""
    shares = [f"{100 * share:g} %" for share in curves["catalogue"]]
    series = {label(name): [100 * value for value in curves[name]] for name in curves if name != "catalogue"}
    title = _("%(scenario)s: share of places that the most popular part of the catalogue takes, in percent")
    return lines(title % {"scenario": scenario}, shares, series)


def _by_epoch(version: ModelVersion) -> Iterator[Chart]:
    stored = version.report.get("epochs")
    epochs = [epoch for epoch in stored if isinstance(epoch, Mapping)] if isinstance(stored, list) else []
    names = dict.fromkeys(name for epoch in epochs for name in epoch if name != "epoch")
    for name in names:
        values = [number(epoch.get(name)) for epoch in epochs]
        if len([value for value in values if value is not None]) > 1:
            title = _("%(figure)s by epoch") % {"figure": label(name)}
            yield lines(title, range(1, len(values) + 1), {label(name): values})


def _margins(version: ModelVersion, scenario: str) -> Iterator[Chart]:
    rows = [
        (margin.against, margin.percent, margin.low, margin.high)
        for margin in margins(version, scenario)
        if margin.low is not None and margin.high is not None
    ]
    if rows:
        title = _("%(scenario)s: %(metric)s above others, with 95 %% intervals")
        yield intervals(title % {"scenario": scenario, "metric": label(METRIC)}, rows, " %")


def _metric(version: ModelVersion, scenario: str, model: str) -> float | None:
    values = version.metrics[scenario].get(model) if isinstance(version.metrics[scenario], Mapping) else None
    return number(values.get(METRIC)) if isinstance(values, Mapping) else None
