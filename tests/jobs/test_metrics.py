"""What came of what was shown, counted by hand."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.jobs.metrics import due
from mtrec_django.models import (
    AnswerDay,
    Feedback,
    Item,
    ModelVersion,
    PositionDay,
    Recommendation,
    Scenario,
    ScenarioDay,
    Visitor,
)

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
DAY = NOON.date()


@pytest.fixture
def home() -> Scenario:
    Scenario.objects.all().delete()
    return Scenario.objects.create(name="home", goal={"view": 1, "purchase": 5}, options={"money": ["purchase"]})


@pytest.fixture
def items() -> list[Item]:
    rows = [Item(source="testsite.product", object_id=str(number)) for number in range(4)]
    return Item.objects.bulk_create(rows)


@pytest.fixture
def ada(home: Scenario) -> Visitor:
    return Visitor.objects.create()


def shown(
    home: Scenario, items: list[Item], visitor: Visitor, *, at: timedelta = timedelta(0), **fields: Any
) -> uuid.UUID:
    return Recommendation.objects.create(
        scenario=home,
        visitor=visitor,
        items=[item.pk for item in items],
        sources=["x"] * len(items),
        scores=[0.0] * len(items),
        created_at=NOON + at,
        **fields,
    ).pk


def did(visitor: Visitor, kind: str, item: Item, *, after: timedelta = timedelta(minutes=1), **fields: Any) -> None:
    Feedback.objects.create(visitor=visitor, kind=kind, item=item, time=NOON + after, **fields)


def test_clicks_conversions_and_revenue_by_version_and_arm(home: Scenario, items: list[Item], ada: Visitor) -> None:
    version = ModelVersion.objects.create(kind="base", status="ready")
    first = shown(home, items, ada, version=version, arm="blue")
    second = shown(home, items, ada, version=version, arm="blue")
    shown(home, items, ada)
    did(ada, "click", items[0], recommendation=first)
    did(ada, "click", items[1], recommendation=first)
    did(ada, "purchase", items[1], recommendation=second, value=20.0)
    jobs.refresh_metrics()
    rows = {row.arm: row for row in AnswerDay.objects.filter(day=DAY)}
    blue, plain = rows["blue"], rows[""]
    assert (blue.scenario, blue.version, blue.answers) == (home, version, 2)
    assert (blue.clicked, blue.clicks, blue.converted, blue.conversions, blue.revenue) == (2, 2, 1, 1, 20.0)
    assert (plain.version, plain.answers, plain.clicked, plain.revenue) == (None, 1, 0, 0.0)


def test_a_later_purchase_is_due_to_the_last_click_on_that_item(
    home: Scenario, items: list[Item], ada: Visitor
) -> None:
    early, late = shown(home, items, ada, arm="early"), shown(home, items, ada, arm="late")
    did(ada, "click", items[0], recommendation=early)
    did(ada, "click", items[0], recommendation=late, after=timedelta(minutes=2))
    did(ada, "purchase", items[0], value=5.0, after=timedelta(hours=20))
    did(ada, "purchase", items[1], value=7.0, after=timedelta(hours=20))  # never clicked
    did(ada, "view", items[0], after=timedelta(hours=20))  # no conversion
    did(Visitor.objects.create(), "purchase", items[0], value=9.0, after=timedelta(hours=20))  # somebody else
    jobs.refresh_metrics()
    found = {row.arm: (row.conversions, row.revenue) for row in AnswerDay.objects.filter(day=DAY)}
    assert found == {"early": (0, 0.0), "late": (1, 5.0)}


def test_a_purchase_after_a_week_is_due_to_nothing(home: Scenario, items: list[Item], ada: Visitor) -> None:
    Recommendation.objects.create(
        scenario=home, visitor=ada, items=[items[0].pk], sources=["x"], scores=[0], created_at=NOON - timedelta(days=9)
    )
    old = Recommendation.objects.get()
    did(ada, "click", items[0], recommendation=old.pk, after=timedelta(days=-9))
    did(ada, "purchase", items[0], value=5.0, after=timedelta(days=-1))
    jobs.refresh_metrics()
    assert AnswerDay.objects.get().revenue == 0


def test_counting_twice_counts_once(home: Scenario, items: list[Item], ada: Visitor) -> None:
    answer = shown(home, items, ada)
    did(ada, "click", items[0], recommendation=answer)
    jobs.refresh_metrics()
    before = list(AnswerDay.objects.values("day", "answers", "clicks"))
    ScenarioDay.objects.update(counted_at=NOON)  # long enough ago
    jobs.refresh_metrics()
    assert list(AnswerDay.objects.values("day", "answers", "clicks")) == before
    assert ScenarioDay.objects.filter(day=DAY).count() == 1


def test_robots_are_left_out(home: Scenario, items: list[Item], ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtrec_django.jobs.metrics.LOUD", 3)
    robot = Visitor.objects.create()
    for _ in range(4):
        shown(home, items, robot)
    shown(home, items, ada)
    jobs.refresh_metrics()
    assert AnswerDay.objects.get().answers == 1


def test_positions(home: Scenario, items: list[Item], ada: Visitor) -> None:
    long, short = shown(home, items, ada), shown(home, items[:2], ada)
    did(ada, "click", items[1], recommendation=long)
    did(ada, "click", items[1], recommendation=short)
    did(ada, "click", items[3], recommendation=long)
    jobs.refresh_metrics()
    rows = PositionDay.objects.filter(day=DAY).order_by("position")
    assert [(row.position, row.shown, row.clicks) for row in rows] == [(0, 2, 0), (1, 2, 2), (2, 1, 0), (3, 1, 1)]


def test_how_much_of_the_catalogue_was_shown(home: Scenario, items: list[Item], ada: Visitor) -> None:
    shown(home, items[:2], ada)
    shown(home, items[1:3], ada, at=timedelta(days=2))
    Item.objects.create(source="testsite.product", object_id="9", available=False)
    jobs.refresh_metrics()
    today = ScenarioDay.objects.get(day=timezone.localdate())
    assert (today.items_shown, today.items_available) == (3, 4)


def test_only_days_that_may_have_changed_are_counted_again(home: Scenario, items: list[Item], ada: Visitor) -> None:
    shown(home, items, ada, at=timedelta(days=-8))
    today = timezone.localdate()
    assert jobs.refresh_metrics() == [DAY + timedelta(days=at) for at in range(-8, 3)]
    assert due(timezone.now()) == [today - timedelta(days=1), today]
    later = timezone.now() + timedelta(hours=13)  # within the week a conversion may still be due
    again = due(later)
    assert DAY in again
    assert DAY - timedelta(days=8) not in again


def test_what_counts_as_conversion_and_money() -> None:
    plain = Scenario(goal={"view": 1, "cart": 3, "purchase": 3})
    assert (plain.conversions, plain.money) == (["cart", "purchase"], [])
    paid = Scenario(goal={"view": 1}, options={"money": ["order"]})
    assert (paid.conversions, paid.money) == (["order"], ["order"])
    named = Scenario(goal={"view": 1}, options={"money": ["order"], "conversions": ["sign-up"]})
    assert named.conversions == ["sign-up"]
    assert Scenario(goal={}).conversions == []


@pytest.mark.parametrize("money", ["purchase", [1], {"purchase": 1}])
def test_kinds_are_a_list_of_texts(money: object) -> None:
    with pytest.raises(ValidationError, match="list of kinds"):
        Scenario(name="x", options={"money": money}).clean()
