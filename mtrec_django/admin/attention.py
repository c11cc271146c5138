"""What the person who runs the site should look at, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Item, ItemVector, Run, Scenario

STALE = timedelta(days=14)
"""Age of a live version from which the dashboard asks for a training."""

QUIET = timedelta(minutes=2)
"""How long a run may wait in the queue, or work without a sign of life, before the dashboard says so."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that wants attention."""

    level: str  # "error" or "warning"
    text: str
    todo: str
    link: str = ""
    link_text: str = ""


def notices(scenarios: Iterable[Scenario], unfinished: Iterable[Run]) -> list[Notice]:
    """All that wants attention, the worst first. Four queries at most, however many scenarios there are."""
    scenarios = list(scenarios)
    found = [*_scenarios(scenarios), *_waiting(unfinished), *_last_runs(), *_catalogue(scenarios)]
    return sorted(found, key=lambda notice: notice.level != "error")


def _scenarios(scenarios: list[Scenario]) -> Iterator[Notice]:
    if not scenarios:
        todo = _("Declare one in your recommendations.py, or add one here.")
        yield Notice("error", _("No scenario yet."), todo, reverse("admin:mtrec_scenario_add"), _("Add a scenario"))
        return
    without = [scenario.name for scenario in scenarios if scenario.enabled and not scenario.live_version_id]
    if without:
        names = ", ".join(without)
        text = _("No live version in %(names)s: popular and new items are shown.") % {"names": names}
        yield Notice("error", text, _("Start a base training; it is published when it wins."))
    now = timezone.now()
    for scenario in scenarios:
        version = scenario.live_version
        if version is not None and now - version.created_at > STALE:
            words = {"name": scenario.name, "days": (now - version.created_at).days}
            text = _("The live version of %(name)s is %(days)d days old.") % words
            yield Notice("warning", text, _("Start a base training, and put mtrec.train into the schedule."))


def _waiting(unfinished: Iterable[Run]) -> Iterator[Notice]:
    now = timezone.now()
    for run in unfinished:
        link = reverse("admin:mtrec_run_change", args=[run.pk])
        if run.status == Run.Status.QUEUED and now - run.created_at > QUIET:
            text = _("%(run)s has been waiting in the queue for %(minutes)d minutes.")
            words = {"run": run, "minutes": (now - run.created_at).seconds // 60 + (now - run.created_at).days * 1440}
            yield Notice("error", text % words, _("Start a Celery worker, and the broker."), link, _("Look at the run"))


def _last_runs() -> Iterator[Notice]:
    last = Run.objects.order_by("kind", "scenario_id", "-pk").distinct("kind", "scenario_id").select_related("scenario")
    for run in last:
        if run.status == Run.Status.FAILED:
            link = reverse("admin:mtrec_run_change", args=[run.pk])
            text = _("%(run)s failed: %(error)s") % {"run": run, "error": run.error.strip().split("\n")[-1][:200]}
            yield Notice("error", text, _("Mend the cause and ask for another."), link, _("Look at the run"))


def _catalogue(scenarios: list[Scenario]) -> Iterator[Notice]:
    items = Item.objects.filter(available=True)
    if not items.exists():
        yield Notice("error", _("The catalogue is empty."), _("Register a model and run manage.py mtrec_sync."))
        return
    for base in {scenario.live_version.base_id for scenario in scenarios if scenario.live_version}:
        placed: Any = ItemVector.objects.filter(version_id=base, item_id=OuterRef("pk"))
        missing = items.filter(~Exists(placed)).count()
        if missing:
            text = ngettext(
                "%(count)d available item has no vector in v%(base)d.",
                "%(count)d available items have no vector in v%(base)d.",
                missing,
            )
            todo = _("They are placed by the mtrec.encode task: see that a worker runs, or run manage.py mtrec_sync.")
            yield Notice("warning", text % {"count": missing, "base": base}, todo)
