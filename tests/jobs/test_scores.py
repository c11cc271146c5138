"""Popularity and trend, counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mtrec_django import jobs
from mtrec_django.models import Feedback, Item, ItemScore, ModelVersion, Scenario, Visitor

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def home() -> Scenario:
    Scenario.objects.all().delete()
    return Scenario.objects.create(name="home", goal={"view": 1, "purchase": 5, "dislike": -1}, exclude=["purchase"])


@pytest.fixture
def items() -> list[Item]:
    return [Item.objects.create(source="testsite.product", object_id=str(k), title=f"item {k}") for k in range(4)]


def event(item: Item, kind: str, *, days: float = 0, visitor: str = "a", scenario: Scenario | None = None) -> None:
    who, _ = Visitor.objects.get_or_create(external_id=visitor)
    Feedback.objects.create(visitor=who, item=item, kind=kind, time=NOW - timedelta(days=days), scenario=scenario)


def scores(field: str) -> dict[str, float]:
    return {row.item.title: round(getattr(row, field), 4) for row in ItemScore.objects.select_related("item")}


def test_kinds_count_what_the_goal_says_and_kinds_that_say_no_do_not(home, items) -> None:
    event(items[0], "view")
    event(items[1], "purchase")
    event(items[2], "dislike")
    event(items[2], "impression")
    jobs.refresh_scores()
    assert scores("count") == {"item 0": 1, "item 1": 5}


def test_a_repeat_counts_once_where_nothing_is_wanted_twice(home, items) -> None:
    for _ in range(3):
        event(items[0], "purchase")
    event(items[0], "purchase", visitor="b")
    jobs.refresh_scores()
    assert scores("count") == {"item 0": 10}
    home.exclude = []
    home.save()
    jobs.refresh_scores()
    assert scores("count") == {"item 0": 20}


def test_popularity_halves_with_the_half_life_of_the_live_version(home, items) -> None:
    event(items[0], "view")
    event(items[1], "view", days=10)
    version = ModelVersion.objects.create(kind="base", status="ready", report={"half_life": {"home": 10 * 86400.0}})
    version.publish()
    jobs.refresh_scores()
    assert scores("popular") == {"item 0": 1.0, "item 1": 0.5}
    ModelVersion.objects.update(report={"half_life": {"home": 0}})
    jobs.refresh_scores()
    assert scores("popular") == {"item 0": 1.0, "item 1": 1.0}


def test_the_trend_runs_from_the_newest_event(home, items) -> None:
    event(items[0], "view", days=400)
    event(items[1], "view", days=407)
    jobs.refresh_scores()
    assert scores("trending") == {"item 0": 1.0, "item 1": 0.5}


def test_events_of_another_place_do_not_count_here(home, items) -> None:
    elsewhere = Scenario.objects.create(name="elsewhere", goal={"view": 1})
    event(items[0], "view", scenario=elsewhere)
    event(items[1], "view", scenario=home)
    event(items[2], "view")
    jobs.refresh_scores()
    of_home = ItemScore.objects.filter(scenario=home).values_list("item__title", flat=True)
    assert set(of_home) == {"item 1", "item 2"}


def test_counting_again_changes_nothing_and_what_is_gone_goes(home, items) -> None:
    event(items[0], "view")
    assert jobs.refresh_scores() == 1
    assert jobs.refresh_scores() == 0
    Feedback.objects.all().delete()
    jobs.refresh_scores()
    assert not ItemScore.objects.exists()
