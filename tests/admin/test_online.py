"""What the front page shows of the counted days."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.admin.online import DAYS, by_position, chart, online
from mtrec_django.jobs.figures import figures_csv
from mtrec_django.models import AnswerDay, ModelVersion, PositionDay, Scenario, ScenarioDay

TODAY = timezone.localdate


def day(home: Scenario, ago: int, **fields: Any) -> AnswerDay:
    return AnswerDay.objects.create(scenario=home, day=TODAY() - timedelta(days=ago), **fields)


@pytest.mark.django_db
def test_rates_and_revenue_by_window(home: Scenario, base: ModelVersion) -> None:
    day(home, 0, version=base, answers=8, clicked=4, converted=1, conversions=2, revenue=30.0)
    day(home, 0, answers=2)  # without a model
    day(home, 6, version=base, answers=10, clicked=1)
    day(home, 7, version=base, answers=20, clicked=5, converted=3, conversions=3, revenue=12.0)
    day(home, DAYS, version=base, answers=1000, clicked=1000)  # too old
    found = online([home.pk])[home.pk]
    assert (found.week.answers, found.week.clicked, found.week.converted) == (20, 5, 1)
    assert (found.week.rate, found.week.conversion, found.week.fallback_share) == (25, 5, 10)
    assert (found.month.answers, found.month.rate, found.month.revenue) == (40, 25, 42.0)
    assert len(found.days) == DAYS
    assert found.days[-1].rate == 40


@pytest.mark.django_db
def test_an_arm_that_is_meant_to_have_no_model_is_no_fallback(home: Scenario) -> None:
    day(home, 0, answers=5, arm="none")
    assert online([home.pk])[home.pk].week.fallback_share == 0


@pytest.mark.django_db
def test_consent_and_coverage(home: Scenario) -> None:
    yesterday = TODAY() - timedelta(days=1)
    ScenarioDay.objects.create(
        scenario=home, day=yesterday, consented=10, refused=20, items_shown=9, items_available=10
    )
    ScenarioDay.objects.create(scenario=home, day=TODAY(), consented=20, refused=10, items_shown=3, items_available=12)
    found = online([home.pk])[home.pk]
    assert found.consent == 50
    assert found.coverage == 25  # as of today


@pytest.mark.django_db
def test_nothing_shown_is_no_rate(home: Scenario) -> None:
    found = online([home.pk])[home.pk]
    assert (found.week.rate, found.month.fallback_share, found.consent, found.coverage) == (None, None, None, None)
    assert chart(found) is None


@pytest.mark.django_db
def test_the_chart_has_a_line_for_what_there_is(home: Scenario) -> None:
    day(home, 2, answers=10, clicked=5)
    drawn = chart(online([home.pk])[home.pk])
    assert drawn is not None
    assert (len(drawn.columns), len(drawn.rows)) == (2, DAYS)
    day(home, 1, answers=10, converted=1, clicked=1)
    again = chart(online([home.pk])[home.pk])
    assert again is not None and len(again.columns) == 3


@pytest.mark.django_db
def test_clicks_by_position(home: Scenario) -> None:
    assert by_position(home) is None
    for ago in (0, 1):
        for position, clicks in enumerate((5, 1)):
            PositionDay.objects.create(
                scenario=home, day=TODAY() - timedelta(days=ago), position=position, shown=10, clicks=clicks
            )
    drawn = by_position(home)
    assert drawn is not None
    assert drawn.rows == [["1", "50"], ["2", "10"]]


@pytest.mark.django_db
def test_the_figures_as_csv(home: Scenario, base: ModelVersion) -> None:
    day(home, 0, version=base, arm="blue", answers=8, clicked=4, clicks=5, converted=1, conversions=2, revenue=30.5)
    names, line = figures_csv()
    assert names.startswith("day,scenario,version,arm,lists")
    assert line == f"{TODAY()},home,{base.pk},blue,8,4,5,1,2,30.5\r\n"


@pytest.mark.django_db
def test_the_command_writes_them_too(home: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day(home, 0, answers=8)
    call_command("mtrec_export", "--metrics")
    call_command("mtrec_export", "--metrics", "--output", str(tmp_path / "online.csv"))
    said = capsys.readouterr().out
    assert said.splitlines() == (tmp_path / "online.csv").read_text().splitlines()
    assert said.splitlines()[1] == f"{TODAY()},home,,,8,0,0,0,0,0.0"
    with pytest.raises(CommandError, match="--metrics"):
        call_command("mtrec_export", "folder", "--metrics")


def test_the_download(boss: Client, full: dict[str, Any], staff: Any) -> None:
    jobs.refresh_metrics()
    assert "/admin/mtrec/answerday/csv/" in boss.get("/admin/mtrec/answerday/").content.decode()
    response = boss.get("/admin/mtrec/answerday/csv/")
    assert response["Content-Type"].startswith("text/csv")
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert len(lines) == 1 + AnswerDay.objects.count() > 20
    assert staff("view_scenario").get("/admin/mtrec/answerday/csv/").status_code == 403
