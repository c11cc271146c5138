"""What wants attention, and what no longer does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.admin.attention import notices
from mtrec_django.admin.online import online
from mtrec_django.models import (
    AnswerDay,
    Arm,
    Experiment,
    Item,
    ModelVersion,
    Recommendation,
    Run,
    Scenario,
    ScenarioDay,
)
from mtrec_django.retrieval import store

pytestmark = pytest.mark.django_db


def texts() -> str:
    scenarios = list(Scenario.objects.select_related("live_version"))
    found = notices(scenarios, Run.objects.unfinished(), online([place.pk for place in scenarios]))
    return "\n".join(f"{notice.level}: {notice.text} {notice.todo}" for notice in found)


@pytest.fixture
def item() -> Item:
    return Item.objects.create(source="testsite.product", object_id="1", available=False)


def test_no_live_version(home: Scenario, base: ModelVersion) -> None:
    assert "error: No live version in home" in texts()
    base.publish([home])
    assert "No live version" not in texts()


def test_a_scenario_that_is_switched_off_needs_no_version(home: Scenario) -> None:
    Scenario.objects.update(enabled=False)
    assert "No live version" not in texts()


def test_a_stale_version(home: Scenario, base: ModelVersion) -> None:
    base.publish([home])
    ModelVersion.objects.update(created_at=timezone.now() - timedelta(days=20))
    assert "warning: The live version of home is 20 days old." in texts()


def test_the_last_run_counts(home: Scenario) -> None:
    Run.objects.create(kind="transfer", scenario=home, status="failed", error="Traceback\nValueError: too few")
    assert "ValueError: too few" in texts()
    Run.objects.create(kind="transfer", scenario=home, status="succeeded")
    assert "too few" not in texts()


def test_a_run_that_nobody_takes(home: Scenario) -> None:
    Run.objects.create(kind="train", created_at=timezone.now() - timedelta(days=1, minutes=5))
    assert "has been waiting in the queue for 1445 minutes" in texts()
    Run.objects.update(created_at=timezone.now())
    assert "waiting" not in texts()


def test_items_without_vectors(home: Scenario, base: ModelVersion, item: Item) -> None:
    base.publish([home])
    assert "The catalogue is empty" in texts()  # nothing is available
    Item.objects.update(available=True)
    assert f"1 available item has no vector in v{base.pk}" in texts()


def test_a_version_without_an_index(home: Scenario, base: ModelVersion, item: Item) -> None:
    Item.objects.update(available=True)
    base.publish([home])
    assert f"error: v{base.pk} has no index" in texts()
    store.create(base.pk)
    store.index(base.pk)
    assert "has no index" not in texts()


def test_a_worker_that_is_silent(home: Scenario) -> None:
    Run.objects.create(kind="train", status="running", heartbeat_at=timezone.now() - timedelta(minutes=20))
    assert "no sign of life for 20 minutes" in texts()
    Run.objects.update(heartbeat_at=timezone.now())
    assert "sign of life" not in texts()


def test_figures_that_nobody_counts(home: Scenario) -> None:
    assert "figures" not in texts()
    Recommendation.objects.create(scenario=home, items=[], sources=[], scores=[])
    assert "never counted. Put mtrec.metrics" in texts()
    jobs.refresh_metrics()
    assert "figures" not in texts()
    ScenarioDay.objects.update(counted_at=timezone.now() - timedelta(hours=5))
    assert "last counted 5" in texts()


def test_few_consent(home: Scenario) -> None:
    row = ScenarioDay.objects.create(scenario=home, day=timezone.localdate(), consented=30, refused=70)
    assert "consent" not in texts()  # too few to say
    ScenarioDay.objects.filter(pk=row.pk).update(consented=300, refused=700)
    assert "Only 30 % of the lists of home" in texts()


def test_many_lists_without_the_model(home: Scenario, base: ModelVersion) -> None:
    AnswerDay.objects.create(scenario=home, day=timezone.localdate(), answers=300)
    assert "without a model" not in texts()  # it has none
    base.publish([home])
    assert "100 % of the lists of home were given without a model" in texts()


def test_an_arm_that_was_stopped(home: Scenario) -> None:
    experiment = Experiment.objects.create(scenario=home, name="try", starts_at=timezone.now())
    arm = Arm.objects.create(experiment=experiment, name="bad", stopped_at=timezone.now())
    assert "Arm bad of “try” in home did harm" in texts()
    experiment.winner = arm
    experiment.save()
    assert "did harm" not in texts()


def test_the_worst_comes_first(home: Scenario, base: ModelVersion) -> None:
    base.publish([home])
    ModelVersion.objects.update(created_at=timezone.now() - timedelta(days=20))
    assert texts().index("error:") < texts().index("warning:")
