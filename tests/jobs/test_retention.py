"""What is past its days goes, in batches; the rest stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.events.relations import set_relation
from mtrec_django.jobs import retention
from mtrec_django.models import Feedback, Recommendation, Visitor
from mtrec_django.testing import make_event, make_visitor
from tests.site.making import make_product

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=100)


@pytest.fixture
def past(db: None) -> dict[str, Visitor]:
    product = make_product()
    names = ("quiet", "active", "tied", "named", "new")
    who = {name: make_visitor(created_at=LONG_AGO) for name in names[:3]}
    who |= {"named": make_visitor(created_at=LONG_AGO, external_id="x"), "new": make_visitor()}
    set_relation(who["active"], who["tied"])
    for day in (1, 29, 31, 90):
        make_event(product, visitor=who["active"], ago=timedelta(days=day))
    make_event(product, visitor=who["quiet"], ago=timedelta(days=40))
    for day in (1, 8):
        moment = timezone.now() - timedelta(days=day)
        Recommendation.objects.create(visitor=who["new"], items=[], sources=[], scores=[], created_at=moment)
    return who


def test_nothing_goes_unless_the_site_says_so(past: dict[str, Visitor]) -> None:
    assert jobs.expire() == {}
    assert (Feedback.objects.count(), Recommendation.objects.count()) == (5, 2)


def test_what_is_past_its_days_goes(past: dict[str, Visitor], settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MTREC = {"KEEP_EVENTS_DAYS": 30, "KEEP_SHOWN_DAYS": 7}
    monkeypatch.setattr(retention, "BATCH", 2)
    assert jobs.expire(dry_run=True) == {"events": 3, "shown": 1, "guests": 0}  # whose events are still there
    seen: list[tuple[str, int, int]] = []
    assert jobs.expire(progress=lambda *step: seen.append(step)) == {"events": 3, "shown": 1, "guests": 1}
    assert ("Deleting events", 2, 3) in seen
    assert Feedback.objects.count() == 2
    assert set(Visitor.objects.all()) == set(past.values()) - {past["quiet"]}
    assert jobs.expire() == {"events": 0, "shown": 0, "guests": 0}
