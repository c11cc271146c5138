"""Figures out of what trainings wrote."""

from __future__ import annotations

import pytest

from mtrec_django.admin.figures import HEADLINE, margins, table, tables
from mtrec_django.models import ModelVersion

from .conftest import MARGINS, METRICS


@pytest.fixture
def version() -> ModelVersion:
    return ModelVersion(metrics={"home": METRICS}, report={"margins": {"home": MARGINS}})


def test_own_figures_come_first(version: ModelVersion) -> None:
    shown = table(version, "home", HEADLINE)
    assert shown is not None
    assert shown.metrics == ["NDCG@10", "Recall@50"]
    assert [(row.label, row.values) for row in shown.rows] == [
        ("this version", [0.06, 0.2]),
        ("popularity", [0.02, 0.1]),
        ("ItemKNN", [0.03, 0.15]),
    ]
    assert shown.questions == 1213


def test_margins_are_percentages_of_the_other(version: ModelVersion) -> None:
    first, second = margins(version, "home")
    assert (first.against, round(first.percent), round(first.low or 0), round(first.high or 0)) == (
        "popularity",
        200,
        150,
        250,
    )
    assert first.sure and first.won
    assert not second.sure  # its interval holds zero


def test_no_percentage_of_nothing(version: ModelVersion) -> None:
    version.metrics["home"] = METRICS | {"popularity": {"ndcg@10": 0.0}}
    assert [margin.against for margin in margins(version, "home")] == ["ItemKNN"]


@pytest.mark.parametrize("metrics", [{}, {"home": None}, {"home": {}}, {"home": {"questions": 3}}])
def test_a_place_that_was_not_measured_has_no_table(metrics: dict[str, object]) -> None:
    version = ModelVersion(metrics=metrics)
    assert table(version, "home") is None
    assert tables(version) == []
