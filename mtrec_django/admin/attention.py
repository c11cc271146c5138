"""What the person who runs the site should look at, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Arm, Item, ItemVector, Recommendation, Run, Scenario
from ..retrieval import store
from .online import Online

STALE = timedelta(days=14)
"""Age of a live version from which the dashboard asks for a training."""

QUIET = timedelta(minutes=2)
"""How long a run may wait in the queue before the dashboard says so."""

SILENT = timedelta(minutes=15)
"""How long a run may work without a sign of life before the dashboard says so."""

UNCOUNTED = timedelta(hours=3)
"""Age of the online figures from which the dashboard asks for the schedule."""

LOW_CONSENT = 50.0
"""Percent of lists given with consent below which the dashboard says so."""

TELLING = 200
"""Lists below which a share says nothing."""

MUCH_FALLBACK = 20.0
"""Percent of lists without a model, in a scenario that has a live version, above which the dashboard says so."""

NEWS = timedelta(days=7)
"""How long an arm that the guard stopped is news."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that wants attention."""

    level: str  # "error" or "warning"
    text: str
    todo: str
    link: str = ""
    link_text: str = ""


def notices(
    scenarios: Iterable[Scenario], unfinished: Iterable[Run], figures: Mapping[int, Online] | None = None
) -> list[Notice]:
    """All that wants attention, the worst first. The number of queries does not grow with that of scenarios, but for
    one each base version that is live.
    """
    scenarios = list(scenarios)
    found = [
        *_scenarios(scenarios),
        *_waiting(unfinished),
        *_last_runs(),
        *_catalogue(scenarios),
        *_measured(scenarios, figures or {}),
        *_stopped(),
    ]
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
        elif run.status == Run.Status.RUNNING and run.heartbeat_at and now - run.heartbeat_at > SILENT:
            text = _("The worker of %(run)s has given no sign of life for %(minutes)d minutes.")
            words = {"run": run, "minutes": int((now - run.heartbeat_at).total_seconds() // 60)}
            todo = _("Look at the worker's log and at its host; cancel the run if it hangs.")
            yield Notice("warning", text % words, todo, link, _("Look at the run"))


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
    bases = {scenario.live_version.base_id for scenario in scenarios if scenario.live_version}
    for base in sorted(bases - store.with_graph() if bases else ()):
        text = _("v%(base)d has no index for its vectors: each answer reads all of them, or does without a model.")
        yield Notice("error", text % {"base": base}, _("Publish another version, or train a new base."))
    for base, share in store.worn() if bases else ():
        text = _("The vector index of v%(base)d is worn: %(percent)d %% of its items were written since it was built.")
        words = {"base": base, "percent": round(100 * share)}
        yield Notice("warning", text % words, _("Put mtrec.reindex into the schedule; the old index serves meanwhile."))
    for base in sorted(bases):
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


def _measured(scenarios: list[Scenario], figures: Mapping[int, Online]) -> Iterator[Notice]:
    counted = max(filter(None, (online.counted_at for online in figures.values())), default=None)
    if counted is None and Recommendation.objects.exists():
        yield Notice("warning", _("The online figures were never counted."), _("Put mtrec.metrics into the schedule."))
    elif counted is not None and timezone.now() - counted > UNCOUNTED:
        text = _("The online figures were last counted %(time)s ago.") % {"time": timesince(counted)}
        yield Notice("warning", text, _("See that a worker and the beat run, with mtrec.metrics in the schedule."))
    for scenario in scenarios:
        online = figures.get(scenario.pk)
        if online is None:
            continue
        words = {"name": scenario.name, "share": f"{online.consent or 0:.0f}"}
        if online.consent is not None and online.consent < LOW_CONSENT and online.consented + online.refused >= TELLING:
            text = _("Only %(share)s %% of the lists of %(name)s were given with consent.") % words
            todo = _("Without it nothing is learned of a visitor: look at when and how the site asks for it.")
            yield Notice("warning", text, todo)
        share, answers = online.week.fallback_share, online.week.answers
        if scenario.live_version and share is not None and share > MUCH_FALLBACK and answers >= TELLING:
            words["share"] = f"{share:.0f}"
            text = _("%(share)s %% of the lists of %(name)s were given without a model this week.") % words
            yield Notice("error", text, _("The site's log says why: look for mtrec_django.serving."))


def _stopped() -> Iterator[Notice]:
    recent = Arm.objects.filter(stopped_at__gte=timezone.now() - NEWS, experiment__winner=None)
    for arm in recent.select_related("experiment__scenario").order_by("pk"):
        words = {"arm": arm.name, "name": arm.experiment.name, "scenario": arm.experiment.scenario.name}
        text = _("Arm %(arm)s of “%(name)s” in %(scenario)s did harm and was stopped by the guard.") % words
        link = reverse("admin:mtrec_experiment_change", args=[arm.experiment_id])
        yield Notice(
            "warning", text, _("Its visitors are served as all others are."), link, _("Look at the experiment")
        )
