"""Experiments from what was shown to what is done about it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.exceptions import ExperimentError, NotPublishable
from mtrec_django.jobs.effects import outcome
from mtrec_django.models import Arm, ArmDay, Experiment, Feedback, Item, ModelVersion, Recommendation, Scenario, Visitor

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def home() -> Scenario:
    Scenario.objects.all().delete()
    return Scenario.objects.create(name="home", goal={"purchase": 5}, options={"money": ["purchase"], "diversity": 0.1})


@pytest.fixture
def item() -> Item:
    return Item.objects.create(source="testsite.product", object_id="1")


@pytest.fixture
def running(home: Scenario) -> Experiment:
    """Control and variant, since ten days."""
    experiment = Experiment.objects.create(scenario=home, name="try", metric="click", guard="click")
    Arm.objects.create(experiment=experiment, name="control", role="control")
    Arm.objects.create(experiment=experiment, name="variant")
    experiment.start(at=timezone.now() - 10 * DAY)
    return experiment


def seen(experiment: Experiment, visitor: Visitor, arm: str, ago: timedelta) -> uuid.UUID:
    return Recommendation.objects.create(
        scenario=experiment.scenario,
        visitor=visitor,
        arm=arm,
        items=[],
        sources=[],
        scores=[],
        created_at=timezone.now() - ago,
    ).pk


def did(experiment: Experiment, visitor: Visitor, item: Item, kind: str, ago: timedelta, **fields: Any) -> None:
    place = experiment.scenario
    Feedback.objects.create(visitor=visitor, item=item, kind=kind, time=timezone.now() - ago, scenario=place, **fields)


def sums(experiment: Experiment) -> dict[str, tuple[int, int, int, float]]:
    """Visitors, clicked, converted and revenue of each arm."""
    found: dict[str, tuple[int, int, int, float]] = {}
    for effect in outcome(experiment).effects:
        click, conversion, revenue = (effect.samples[name] for name in ("click", "conversion", "revenue"))
        found[effect.arm.name] = (click.n, int(click.total), int(conversion.total), revenue.total)
    return found


def test_a_visitor_counts_once_by_what_he_did_in_his_days(running: Experiment, item: Item) -> None:
    one, two, late = (Visitor.objects.create() for _ in range(3))
    answer = seen(running, one, "variant", 3 * DAY)
    seen(running, one, "variant", 2 * DAY)
    did(running, one, item, "click", 3 * DAY - HOUR, recommendation=answer)
    did(running, one, item, "purchase", 3 * DAY - 2 * HOUR, value=20.0)
    did(running, one, item, "purchase", 3 * DAY - 3 * HOUR, value=10.0)
    did(running, one, item, "purchase", DAY, value=99.0)  # his day was over
    seen(running, two, "control", 3 * DAY)
    did(running, two, item, "click", 4 * DAY, recommendation=answer)  # before he was in
    seen(running, late, "control", HOUR)  # his day is not over
    assert jobs.refresh_experiments() == 1
    assert sums(running) == {"control": (1, 0, 0, 0.0), "variant": (1, 1, 1, 30.0)}
    day = ArmDay.objects.get(arm__name="variant")
    assert (day.paid, day.revenue_squares) == (1, 900.0)


def test_who_changed_arms_at_log_in_counts_in_the_first(running: Experiment, item: Item) -> None:
    visitor = Visitor.objects.create()
    seen(running, visitor, "variant", 3 * DAY)
    seen(running, visitor, "control", 3 * DAY - HOUR)
    jobs.refresh_experiments()
    assert sums(running) == {"control": (0, 0, 0, 0.0), "variant": (1, 0, 0, 0.0)}


def test_counting_again_counts_once(running: Experiment, item: Item) -> None:
    for ago in (5 * DAY, 3 * DAY, 2 * DAY):
        seen(running, Visitor.objects.create(), "control", ago)
    jobs.refresh_experiments()
    jobs.refresh_experiments()
    assert sums(running)["control"][0] == 3


def test_others_are_not_counted(running: Experiment, item: Item) -> None:
    seen(running, Visitor.objects.create(), "", 3 * DAY)
    seen(running, Visitor.objects.create(), "control", 12 * DAY)  # of an experiment before this one
    jobs.refresh_experiments()
    assert sums(running)["control"][0] == 0


def filled(experiment: Experiment, **clicked: int) -> None:
    """Days of arms with 4,000 visitors each, of whom so many clicked."""
    for name, count in clicked.items():
        arm = experiment.arms.get(name=name)
        ArmDay.objects.create(arm=arm, day=timezone.localdate() - 5 * DAY, visitors=4000, clicked=count)
        ArmDay.objects.create(arm=arm, day=timezone.localdate())  # the last day is counted anew


def test_the_guard_stops_what_does_harm_and_nothing_else(running: Experiment) -> None:
    Arm.objects.create(experiment=running, name="better")
    filled(running, control=400, variant=280, better=460)
    jobs.refresh_experiments()
    stopped = set(running.arms.exclude(stopped_at=None).values_list("name", flat=True))
    assert stopped == {"variant"}
    running.refresh_from_db()
    assert running.state == "running"


def test_with_its_last_variant_an_experiment_is_stopped(running: Experiment) -> None:
    Arm.objects.create(experiment=running, name="none", role="holdout")  # is meant to be worse
    filled(running, control=400, variant=280, none=100)
    jobs.refresh_experiments()
    running.refresh_from_db()
    assert running.state == "stopped"
    assert running.arms.get(name="none").stopped_at is None


def test_without_a_guard_nothing_is_stopped(running: Experiment) -> None:
    Experiment.objects.update(guard="")
    filled(running, control=400, variant=100)
    jobs.refresh_experiments()
    assert not running.arms.exclude(stopped_at=None).exists()


def test_an_experiment_ends_at_its_time_and_is_counted_until_the_last_day_is_over(running: Experiment) -> None:
    Experiment.objects.update(ends_at=timezone.now() - HOUR, days=2)
    seen(running, Visitor.objects.create(), "control", 2 * HOUR)
    assert jobs.refresh_experiments() == 1
    running.refresh_from_db()
    assert running.state == "ended"
    assert running.ended_at == running.ends_at
    assert jobs.refresh_experiments() == 1
    Experiment.objects.update(counted_at=timezone.now() + 2 * DAY)
    assert jobs.refresh_experiments() == 0


def test_the_course_of_the_figure_that_decides(running: Experiment) -> None:
    filled(running, control=400, variant=520)
    (day, differences), (last, _again) = outcome(running).by_day
    assert (day, last) == (timezone.localdate() - 5 * DAY, timezone.localdate())
    assert differences["variant"] is not None and differences["variant"].better


def test_a_split_that_is_off_is_told(running: Experiment) -> None:
    filled(running, control=400)
    assert outcome(running).split_is_broken
    filled(running, variant=400)
    assert not outcome(running).split_is_broken


def version(**fields: Any) -> ModelVersion:
    return ModelVersion.objects.create(**{"kind": "base", "status": "ready"} | fields)


def test_arms_keep_the_version_that_was_live_at_the_start(home: Scenario) -> None:
    live, other = version(), version()
    live.publish([home])
    experiment = Experiment.objects.create(scenario=home, name="try")
    for name, role, own in (("a", "control", None), ("b", "variant", other), ("c", "holdout", None)):
        Arm.objects.create(experiment=experiment, name=name, role=role, version=own)
    experiment.start()
    assert dict(experiment.arms.values_list("name", "version")) == {"a": live.pk, "b": other.pk, "c": None}


def test_the_winner_goes_live_with_its_rules(running: Experiment, home: Scenario) -> None:
    made = version()
    arm = running.arms.get(name="variant")
    Arm.objects.filter(pk=arm.pk).update(version=made, options={"diversity": 0.5})
    arm.refresh_from_db()
    running.adopt(arm)
    home.refresh_from_db()
    assert home.live_version == made
    assert home.options == {"money": ["purchase"], "diversity": 0.5}
    assert "variant" in home.publications.get().reason
    assert (running.state, running.winner) == ("ended", arm)


def test_a_winner_that_cannot_go_live_leaves_everything_as_it_was(running: Experiment, home: Scenario) -> None:
    arm = running.arms.get(name="variant")
    arm.version = version(status="pruned")
    arm.options = {"diversity": 0.5}
    arm.save()
    with pytest.raises(NotPublishable):
        running.adopt(arm)
    home.refresh_from_db()
    assert home.options["diversity"] == 0.1
    assert Experiment.objects.open().exists()


def test_one_at_a_time(running: Experiment, home: Scenario) -> None:
    second = Experiment.objects.create(scenario=home, name="second")
    with pytest.raises(ExperimentError, match="not over"):
        second.start()
    running.end()
    second.start()
    assert second.state == "running"
    with pytest.raises(ExperimentError, match="begun"):
        second.start()
    with pytest.raises(ExperimentError, match="not running"):
        running.end()


def test_states(home: Scenario) -> None:
    experiment = Experiment.objects.create(scenario=home, name="try")
    assert experiment.state == "draft"
    experiment.start(at=timezone.now() + DAY)
    assert experiment.state == "scheduled"
