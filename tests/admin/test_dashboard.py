"""The front page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.models import ModelVersion, Recommendation, Run, Scenario

FRONT = "/admin/mtrec/"


def queries_of(client: Client) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(FRONT).status_code == 200
    return len(queries)


def test_with_nothing_there_it_says_what_to_do(boss: Client) -> None:
    page = boss.get(FRONT).content.decode()
    assert "No scenario yet." in page
    assert "The catalogue is empty." in page
    assert "data-mtrec-poll" not in page
    assert "mtrec/admin.js" not in page


def test_it_shows_the_live_version_beside_its_baselines(boss: Client, full: dict[str, Any]) -> None:
    jobs.refresh_metrics()
    page = boss.get(FRONT).content.decode()
    assert "0.0600" in page and "0.0200" in page and "0.2000" in page
    assert "+200 %" in page and "+150 to +250" in page  # over popularity: .04 of .02, from .03 to .05
    assert "100.0 %" in page  # the one list that was shown led to a click


def test_running_jobs_are_polled_and_without_a_script_the_page_reloads(boss: Client, full: dict[str, Any]) -> None:
    page = boss.get(FRONT).content.decode()
    assert f'data-mtrec-poll="{reverse("admin:mtrec_run_progress")}"' in page
    assert "mtrec/admin.js" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "<script>" not in page  # a strict content security policy lets nothing inline run
    assert 'style="' not in page


def test_its_queries_do_not_grow_with_what_it_shows(boss: Client, full: dict[str, Any], base: ModelVersion) -> None:
    before = queries_of(boss)
    for number in range(10):
        place = Scenario.objects.create(name=f"place-{number}", parent=full["scenario"])
        base.publish([place])
        Recommendation.objects.create(scenario=place, items=[], sources=[], scores=[])
        Run.objects.create(kind="transfer", scenario=place)
    assert queries_of(boss) == before <= 17


def test_only_who_may_sees_buttons(staff: Callable[..., Client], full: dict[str, Any]) -> None:
    page = staff("view_scenario").get(FRONT).content.decode()
    assert "Picked for you" in page
    assert "mtrec-button" not in page
    assert reverse("admin:mtrec_train") in staff("view_scenario", "train_model").get(FRONT).content.decode()


def test_it_offers_to_roll_back_where_something_was_live_before(boss: Client, full: dict[str, Any]) -> None:
    button = f'action="{reverse("admin:mtrec_roll_back", args=[full["scenario"].pk])}"'
    assert button not in boss.get(FRONT).content.decode()
    full["modelversion"].publish()
    assert button in boss.get(FRONT).content.decode()


def test_who_may_not_see_scenarios_sees_no_figures(staff: Callable[..., Client], full: dict[str, Any]) -> None:
    page = staff("view_item").get(FRONT).content.decode()
    assert "Items" in page
    assert "Picked for you" not in page


def test_it_has_a_name_of_its_own(boss: Client) -> None:
    response = boss.get(reverse("admin:mtrec_dashboard"))
    assert response["Location"] == FRONT


def test_a_dead_worker_shows_as_a_failed_run(boss: Client, home: Scenario) -> None:
    run = Run.objects.create(kind="train", status="running", started_at=timezone.now() - timedelta(minutes=1))
    page = boss.get(FRONT).content.decode()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "The worker died" in page


@pytest.mark.parametrize("goal", ["<script>alert(1)</script>"])
def test_what_people_wrote_is_escaped(boss: Client, goal: str) -> None:
    Scenario.objects.create(name="x", title=goal)
    assert goal not in boss.get(FRONT).content.decode()


def test_an_admin_without_scenarios_has_no_dashboard(boss: Client, full: dict[str, Any]) -> None:
    with mock.patch.dict(admin.site._registry):
        admin.site.unregister(Scenario)
        page = boss.get(FRONT).content.decode()
    assert "Items" in page
    assert "Picked for you" not in page
