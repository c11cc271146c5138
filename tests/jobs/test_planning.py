"""How long an experiment will take, from what was shown and done of late."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mtrec_django.inference.confidence import Sample, needed
from mtrec_django.jobs.planning import BACK, Traffic, plans, traffic
from mtrec_django.models import Arm, ArmDay, Experiment, Feedback, Item, Recommendation, Scenario, Visitor

DAY = timedelta(days=1)


@pytest.fixture
def draft(db: None) -> Experiment:
    home = Scenario.objects.create(name="plan", goal={"purchase": 5}, options={"money": ["purchase"]})
    experiment = Experiment.objects.create(scenario=home, name="try", metric="conversion", days=2)
    Arm.objects.create(experiment=experiment, name="control", role="control", share=2)
    Arm.objects.create(experiment=experiment, name="variant", share=1)
    return experiment


def steady(a_day: int, **did: int) -> Traffic:
    """So many new ones each day."""
    return Traffic((a_day,) * BACK, ArmDay(visitors=BACK * a_day, **did))


def test_new_visitors_and_what_they_did(draft: Experiment) -> None:
    item, now, place = Item.objects.create(source="a.b", object_id="1"), timezone.now(), draft.scenario
    visitors = Visitor.objects.bulk_create([Visitor() for _ in range(6)])
    # two came 20 days ago, one of them again 3 days ago; two 3 days ago; one yesterday; one long before
    ages = [(0, 20.5), (1, 20.5), (1, 3.5), (2, 3.5), (3, 3.5), (4, 1.5), (5, 40.5)]
    Recommendation.objects.bulk_create(
        [
            Recommendation(
                scenario=place, visitor=visitors[at], items=[], sources=[], scores=[], created_at=now - ago * DAY
            )
            for at, ago in ages
        ]
    )
    for at, ago, value in ((1, 19.5, 20.0), (1, 15.0, 99.0), (2, 3.0, 10.0), (4, 1.0, 50.0), (5, 39.0, 5.0)):
        Feedback.objects.create(
            visitor=visitors[at], item=item, kind="purchase", value=value, time=now - ago * DAY, scenario=place
        )
    with CaptureQueriesContext(connection) as queries:
        seen = traffic(draft)
    assert len(queries) == 2
    assert len(seen.new) == BACK
    assert {BACK - 1 - at: count for at, count in enumerate(seen.new) if count} == {20: 2, 3: 2, 1: 1}
    # the days of the one of yesterday are not over
    assert seen.did.sums("conversion") == (4, 2.0, 2.0, 2)
    assert seen.did.sums("revenue") == (4, 30.0, 500.0, 2)


def test_days_until_so_many_have_come() -> None:
    slowing = Traffic((100,) * 14 + (50,) * 14, ArmDay())
    assert slowing.days_until(100) == 1
    assert slowing.days_until(1401) == 15
    assert slowing.days_until(2100) == 28
    assert slowing.days_until(2151) == 30  # 50 a day from then on
    assert slowing.days_until(10**6) is None
    assert Traffic((0,) * BACK, ArmDay()).days_until(1) is None


def test_the_plan_of_each_lift(draft: Experiment) -> None:
    found = {plan.percent: plan for plan in plans(draft, steady(1000, converted=28 * 30))}
    both = needed(Sample(28_000, 840.0, 840.0, 840), 0.2, alpha=0.05, share=1 / 3)
    assert both is not None
    assert found[20].visitors == math.ceil(both * 1.1)
    assert found[20].days == math.ceil(both * 1.1 / 1000) + 2  # and the days of the last visitor
    assert found[5].days is not None
    assert found[5].days > 10 * found[20].days
    draft.traffic = 10
    assert (plans(draft, steady(1000, converted=28 * 30))[2].days or 0) > 9 * (found[20].days - 2)


def test_more_arms_take_longer(draft: Experiment) -> None:
    before = plans(draft, steady(1000, converted=28 * 30))[2]
    Arm.objects.create(experiment=draft, name="another", share=1)
    after = plans(draft, steady(1000, converted=28 * 30))[2]
    assert before.visitors is not None
    assert after.visitors is not None
    assert after.visitors > before.visitors * 4 / 3  # a fourth arm's visitors, and less error for each comparison


def test_nothing_is_planned_of_a_handful(draft: Experiment) -> None:
    assert {plan.days for plan in plans(draft, steady(3, converted=5))} == {None}
    assert [plan.visitors for plan in plans(draft, steady(0))] == [None] * 4
    draft.arms.all().delete()
    assert plans(draft, steady(1000, converted=900)) == []
