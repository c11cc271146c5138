"""Experiments in the admin: written, started, watched, ended, won."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mtrec_django.jobs.planning import BACK, Traffic, plans
from mtrec_django.models import Arm, ArmDay, Experiment, ModelVersion, Scenario

from .conftest import make_version

ADD = "/admin/mtrec/experiment/add/"


def filled_form(scenario: Scenario, *arms: dict[str, Any], **fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "scenario": scenario.pk,
        "name": "More variety",
        "metric": "click",
        "guard": "click",
        "traffic": 50,
        "days": 2,
        "error_rate": 0.05,
        "horizon": 10_000,
        "arms-TOTAL_FORMS": len(arms),
        "arms-INITIAL_FORMS": 0,
    } | fields
    for at, arm in enumerate(arms):
        data |= {f"arms-{at}-{name}": value for name, value in ({"share": 1, "options": "{}"} | arm).items()}
    return data


CONTROL = {"name": "control", "role": "control"}
VARIANT = {"name": "varied", "role": "variant", "options": '{"diversity": 0.4}'}


@pytest.fixture
def draft(home: Scenario) -> Experiment:
    experiment = Experiment.objects.create(scenario=home, name="More variety")
    Arm.objects.create(experiment=experiment, name="control", role="control")
    Arm.objects.create(experiment=experiment, name="varied", options={"diversity": 0.4})
    return experiment


@pytest.fixture
def running(draft: Experiment) -> Experiment:
    """Two days of 2,000 visitors an arm; the variant's click far more often."""
    draft.start(timezone.now() - timedelta(days=5))
    for arm, clicked in zip(draft.arms.all(), (100, 300), strict=True):
        for back in (2, 1):
            day = timezone.localdate() - timedelta(days=back)
            ArmDay.objects.create(arm=arm, day=day, visitors=2000, clicked=clicked)
    return draft


def page(client: Client, experiment: Experiment) -> str:
    response = client.get(f"/admin/mtrec/experiment/{experiment.pk}/change/")
    assert response.status_code == 200
    return response.content.decode()


def press(client: Client, name: str, experiment: Experiment, **data: Any) -> str:
    address = reverse(f"admin:mtrec_experiment_{name}", args=[experiment.pk])
    response = client.post(address, data, follow=True)
    assert response.status_code == 200
    return " ".join(str(message) for message in response.context["messages"])


def test_an_experiment_is_written_with_its_arms(boss: Client, home: Scenario) -> None:
    assert "control" in boss.get(ADD).content.decode()  # two arms are there to begin with
    response = boss.post(ADD, filled_form(home, CONTROL, VARIANT))
    assert response.status_code == 302, response.context["errors"]
    made = Experiment.objects.get()
    assert (made.traffic, made.state, made.created_by.username) == (50, "draft", "boss")
    assert list(made.arms.values_list("name", "role", "options")) == [
        ("control", "control", {}),
        ("varied", "variant", {"diversity": 0.4}),
    ]


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ([CONTROL], "two arms or more"),
        ([CONTROL, CONTROL | {"name": "again"}], "one only, is the control"),
        ([VARIANT, VARIANT | {"name": "again"}], "one only, is the control"),
        ([CONTROL, CONTROL | {"role": "variant"}], "duplicate"),
        ([CONTROL, VARIANT | {"options": '{"diversity": 7}'}], "from 0 to 1"),
        ([CONTROL, VARIANT | {"options": '{"colour": 7}'}], "cannot change colour"),
        ([CONTROL, VARIANT | {"options": "[]"}], "Options are an object"),
        ([CONTROL, VARIANT | {"role": "holdout"}], "neither version nor options"),
        ([CONTROL, VARIANT | {"share": 0}], "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_said(boss: Client, home: Scenario, arms: list[dict[str, Any]], said: str) -> None:
    response = boss.post(ADD, filled_form(home, *arms))
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not Experiment.objects.exists()


def test_an_arm_takes_no_version_of_another_scenario(boss: Client, home: Scenario, base: ModelVersion) -> None:
    other = make_version(kind="transfer", parent=base, scenario=Scenario.objects.create(name="basket"))
    response = boss.post(ADD, filled_form(home, CONTROL, VARIANT | {"version": other.pk}))
    assert "was made for basket" in response.content.decode()


def test_it_starts_now_or_at_a_set_time(boss: Client, draft: Experiment) -> None:
    assert "running" in press(boss, "start", draft)
    draft.refresh_from_db()
    assert draft.state == "running"
    press(boss, "end", draft)
    second = Experiment.objects.create(scenario=draft.scenario, name="next")
    Arm.objects.create(experiment=second, name="a", role="control")
    assert "two arms" in press(boss, "start", second)
    Arm.objects.create(experiment=second, name="b")
    assert "is over" in press(boss, "start", second, at="2020-01-01T10:00")
    assert "no date" in press(boss, "start", second, at="soon")
    assert "starts on 2099-01-01 10:00" in press(boss, "start", second, at="2099-01-01T10:00")
    second.refresh_from_db()
    assert second.state == "scheduled"
    assert LogEntry.objects.filter(object_id=str(second.pk)).count() == 1


def test_once_begun_its_arms_are_looked_at_only(boss: Client, running: Experiment) -> None:
    text = page(boss, running)
    assert 'name="arms-0-share"' not in text
    assert 'name="metric"' not in text
    assert 'name="traffic"' in text
    assert 'value="_delete"' not in text and "/delete/" not in text


def test_the_figures_and_what_they_say(boss: Client, running: Experiment) -> None:
    text = page(boss, running)
    assert "5.00 %" in text and "15.00 %" in text
    assert "+200.0 %" in text
    assert "better" in text
    assert "mtrec-chart" in text
    assert 'style="' not in text.split("mtrec-outcome")[1].split("</section>")[0]


def test_the_winner_goes_live_by_one_click(boss: Client, running: Experiment) -> None:
    assert "served as arm varied was" in press(boss, "adopt", running, arm="varied")
    running.scenario.refresh_from_db()
    running.refresh_from_db()
    assert running.scenario.options == {"diversity": 0.4}
    assert (running.state, str(running.winner)) == ("ended", "varied")
    assert LogEntry.objects.filter(object_id=str(running.scenario.pk)).exists()
    assert LogEntry.objects.filter(object_id=str(running.pk)).exists()
    assert "Went live" in page(boss, running)
    assert "not running" in press(boss, "adopt", running, arm="varied")


def test_buttons_are_for_those_who_may_publish(staff: Callable[..., Client], running: Experiment) -> None:
    client = staff("view_experiment", "change_experiment")
    assert "Make live" not in page(client, running)
    for name in ("start", "end", "adopt"):
        assert client.post(reverse(f"admin:mtrec_experiment_{name}", args=[running.pk])).status_code == 403
        assert client.get(reverse(f"admin:mtrec_experiment_{name}", args=[running.pk])).status_code == 405
    assert "Make live" in page(staff("view_experiment", "publish_model"), running)


def test_a_split_that_is_off_is_told(boss: Client, running: Experiment) -> None:
    ArmDay.objects.filter(arm__name="varied").update(visitors=1000)
    assert "not filled by their shares" in page(boss, running)


def test_the_list_says_how_each_stands(boss: Client, running: Experiment) -> None:
    Arm.objects.filter(name="varied").update(stopped_at=timezone.now())
    running.end()
    text = boss.get("/admin/mtrec/experiment/").content.decode()
    assert "stopped by the guard" in text
    assert "control 1 : varied 1" in text


def test_a_draft_says_how_long_it_will_take(boss: Client, draft: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "too little is known" in page(boss, draft)
    seen = Traffic((500,) * BACK, ArmDay(visitors=14_000, clicked=1400))
    monkeypatch.setattr("mtrec_django.admin.experiments.traffic", lambda _experiment: seen)
    text = page(boss, draft)
    assert "In the last 28 days 14000 visitors had a list" in text.replace(",", "")
    twenty = next(plan for plan in plans(draft, seen) if plan.percent == 20)
    assert f'<td class="mtrec-number">{twenty.days}</td>' in text
    draft.start()
    assert "How long it will take" not in page(boss, draft)
