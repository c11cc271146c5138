"""Who let himself be counted: numbers alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.models import Recommendation, ScenarioDay, Tally
from mtrec_django.retrieval.statement import write
from mtrec_django.serving import tally
from mtrec_django.serving.recommendations import log_shown
from mtrec_django.serving.recommender import recommend
from tests.site.making import make_request

from .world import World


def refuses(request: HttpRequest) -> bool:
    return False


def flush() -> None:
    write(*tally.take(), using="default")


def test_lists_are_counted_by_consent_and_robots(world: World, settings: Any) -> None:
    log_shown(recommend(make_request(), "world", 3))
    robot = make_request()
    robot.META["HTTP_USER_AGENT"] = "Googlebot/2.1"
    log_shown(recommend(robot, "world", 3))
    settings.MTREC = {"CONSENT": f"{__name__}.refuses"}
    for _ in range(2):
        log_shown(recommend(make_request(), "world", 3))
    assert Recommendation.objects.count() == 1  # of robots and of those who refused nothing is stored
    flush()
    jobs.refresh_metrics()
    day = ScenarioDay.objects.get(scenario=world.scenario)
    assert (day.consented, day.refused, day.crawled, day.day) == (1, 2, 1, timezone.localdate())
    log_shown(recommend(make_request(), "world", 3))
    flush()
    jobs.refresh_metrics()
    day.refresh_from_db()
    assert day.refused == 3
    assert not Tally.objects.exists()


def test_counts_ride_along_once_a_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with CaptureQueriesContext(connection) as queries:
        log_shown(recommend(make_request(), "world", 3))
    monkeypatch.setattr(tally, "SECONDS", 0.0)
    with CaptureQueriesContext(connection) as again:
        log_shown(recommend(make_request(), "world", 3))
    assert len(again) <= len(queries)
    assert Tally.objects.get().consented == 2
    assert not tally.due()


def test_a_scenario_that_is_gone_is_counted_nowhere(db: None) -> None:
    tally.note("gone", "refused")
    flush()
    assert not Tally.objects.exists()
