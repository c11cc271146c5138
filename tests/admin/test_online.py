"""Click-through, counted by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mtrec_django.admin.online import DAYS, online
from mtrec_django.models import Feedback, Item, ModelVersion, Recommendation, Scenario, Visitor


@pytest.mark.django_db
def test_answers_clicks_and_fallback_by_window(home: Scenario, base: ModelVersion) -> None:
    visitor = Visitor.objects.create()
    item = Item.objects.create(source="testsite.product", object_id="1")

    def shown(days_ago: float, *, clicks: int = 0, version: ModelVersion | None = base) -> None:
        moment = timezone.now() - timedelta(days=days_ago)
        answer = Recommendation.objects.create(
            scenario=home, version=version, items=[item.pk], sources=["x"], scores=[1], created_at=moment
        )
        for _ in range(clicks):
            Feedback.objects.create(visitor=visitor, item=item, kind="click", recommendation=answer.pk)

    shown(0, clicks=2)  # one list that led on, however often
    shown(1, version=None)
    shown(3)
    shown(10, clicks=1)
    shown(DAYS + 1, clicks=1)  # too old
    found = online([home.pk])[home.pk]
    assert (found.week.answers, found.week.clicked, found.week.fallback) == (3, 1, 1)
    assert (found.month.answers, found.month.clicked) == (4, 2)
    assert found.month.rate == 50
    assert round(found.week.fallback_share or 0) == 33
    assert len(found.days) == DAYS
    assert found.days[-1].rate == 100


@pytest.mark.django_db
def test_nothing_shown_is_no_rate(home: Scenario) -> None:
    found = online([home.pk])[home.pk]
    assert found.week.rate is None
    assert found.month.fallback_share is None


@pytest.mark.django_db
def test_a_slow_count_is_kept_for_a_while_and_a_fast_one_is_not(
    home: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count() -> int:
        return online([home.pk])[home.pk].week.answers

    assert count() == 0
    Recommendation.objects.create(scenario=home, items=[], sources=[], scores=[])
    monkeypatch.setattr("mtrec_django.admin.online.PATIENCE", 1e6)
    assert count() == 1  # the fast count was not kept
    Recommendation.objects.create(scenario=home, items=[], sources=[], scores=[])
    assert count() == 1
