"""What wants attention, and what no longer does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mtrec_django.admin.attention import notices
from mtrec_django.models import Item, ModelVersion, Run, Scenario

pytestmark = pytest.mark.django_db


def texts() -> str:
    found = notices(Scenario.objects.select_related("live_version"), Run.objects.unfinished())
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


def test_the_worst_comes_first(home: Scenario, base: ModelVersion) -> None:
    base.publish([home])
    ModelVersion.objects.update(created_at=timezone.now() - timedelta(days=20))
    assert texts().index("error:") < texts().index("warning:")
