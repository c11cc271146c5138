"""The front page: how each scenario does, what is being worked on, what wants attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from ..models import Run, Scenario
from .actions import PUBLISH, TRAIN
from .attention import notices
from .figures import HEADLINE, Curve, Table, curve, table
from .online import Online, online
from .runs import poll_url, state


@dataclass(frozen=True, slots=True)
class Card:
    """One scenario on the dashboard."""

    scenario: Scenario
    table: Table | None
    online: Online
    clicks: Curve | None  # click-through by day


def dashboard(request: HttpRequest, admin_site: AdminSite) -> dict[str, Any]:
    """All that the page shows. The number of queries does not grow with the number of scenarios."""
    Run.objects.reap()
    scenarios = list(Scenario.objects.select_related("live_version__scenario", "live_version__parent", "parent"))
    runs = list(Run.objects.unfinished().select_related("scenario").order_by("pk"))
    return {
        "cards": _cards(scenarios),
        "runs": [(run, state(run)) for run in runs],
        "notices": notices(scenarios, runs),
        "may_train": request.user.has_perm(TRAIN),
        "may_publish": request.user.has_perm(PUBLISH),
        "poll": bool(runs),
        "poll_url": poll_url(admin_site),
        "next": request.path,
    }


def _cards(scenarios: list[Scenario]) -> list[Card]:
    figures = online([scenario.pk for scenario in scenarios])
    return [_card(scenario, figures[scenario.pk]) for scenario in scenarios]


def _card(scenario: Scenario, seen: Online) -> Card:
    live = scenario.live_version
    rates = [day.rate or 0.0 for day in seen.days] if seen.month.clicked else []
    measured = table(live, scenario.name, HEADLINE) if live else None
    return Card(scenario, measured, seen, curve(rates, "", floor=0, size=(320, 48)))
