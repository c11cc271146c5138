"""The front page: how each scenario does, what is being worked on, what wants attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from ..models import Run, Scenario
from ..models.versions import replaced_in
from .actions import PUBLISH, TRAIN
from .attention import notices
from .charts import Chart
from .figures import HEADLINE, Table, table
from .online import Online, chart, online
from .runs import poll_url, state


@dataclass(frozen=True, slots=True)
class Card:
    """One scenario on the dashboard."""

    scenario: Scenario
    table: Table | None
    online: Online
    chart: Chart | None
    money: bool
    """Whether the value of some kind of event is money."""
    may_roll_back: bool
    """Whether something was live before."""


def dashboard(request: HttpRequest, admin_site: AdminSite) -> dict[str, Any]:
    """All that the page shows. The number of queries does not grow with the number of scenarios."""
    Run.objects.reap()
    scenarios = list(Scenario.objects.select_related("live_version__scenario", "live_version__parent", "parent"))
    runs = list(Run.objects.unfinished().select_related("scenario").order_by("pk"))
    figures = online([scenario.pk for scenario in scenarios])
    before = replaced_in(scenarios)
    return {
        "cards": [_card(scenario, figures[scenario.pk], scenario.pk in before) for scenario in scenarios],
        "runs": [(run, state(run)) for run in runs],
        "notices": notices(scenarios, runs, figures),
        "may_train": request.user.has_perm(TRAIN),
        "may_publish": request.user.has_perm(PUBLISH),
        "poll": bool(runs),
        "poll_url": poll_url(admin_site),
        "next": request.path,
    }


def _card(scenario: Scenario, seen: Online, before: bool) -> Card:
    live = scenario.live_version
    measured = table(live, scenario.name, HEADLINE) if live else None
    return Card(scenario, measured, seen, chart(seen), bool(scenario.money), before)
