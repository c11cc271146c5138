"""Which plots a version and a scenario have."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from mtrec_django.admin.plots import by_version, plots
from mtrec_django.models import ModelVersion, Scenario

from .conftest import METRICS, make_version

TAILS = {"home": {"catalogue": [0.1, 1.0], "ours": [0.4, 1.0], "popularity": [0.9, 1.0]}}


def test_a_version_has_a_plot_for_each_of_its_figures(base: ModelVersion) -> None:
    base.report |= {"tails": TAILS}
    titles = [chart.title for chart in plots(base)]
    assert titles[:2] == ["training loss by epoch", "NDCG@10 by epoch"]
    assert titles[2] == "home: NDCG@10 above others, with 95 % intervals"
    assert titles[3].startswith("home: share of places")


def test_margins_are_percentages_of_the_other(base: ModelVersion) -> None:
    chart = next(chart for chart in plots(base) if "above others" in chart.title)
    assert chart.rows[0] == ["popularity", "+200.0 %", "+150.0 %", "+250.0 %"]


def test_a_version_without_figures_has_none(db: None) -> None:
    assert list(plots(make_version(report={"epochs": [{"loss": 1.0}], "tails": 3}))) == []


def test_versions_of_a_scenario_in_the_order_they_were_made(base: ModelVersion, home: Scenario) -> None:
    assert by_version(home) is None  # one is no line
    make_version(metrics={"home": METRICS | {"ours": {"ndcg@10": 0.09}}}, report=base.report)
    make_version(metrics={"elsewhere": METRICS}, report=base.report)
    chart = by_version(home)
    assert chart is not None
    assert [row[1:] for row in chart.rows] == [["0.06", "0.02", "0.03"], ["0.09", "0.02", "0.03"]]


def test_they_stand_on_the_scenario_page(boss: Client, base: ModelVersion, home: Scenario) -> None:
    make_version(metrics={"home": METRICS}, report=base.report)
    page = boss.get(reverse("admin:mtrec_scenario_change", args=[home.pk])).content.decode()
    assert 'aria-label="NDCG@10 by version"' in page
