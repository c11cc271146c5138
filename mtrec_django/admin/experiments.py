"""Experiments: their arms, what came of them, and the buttons Start, End and Make live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import ExperimentError
from ..inference.confidence import Difference, Sample
from ..jobs.effects import Effect, Outcome, alpha_of, outcome
from ..jobs.planning import BACK, plans, traffic
from ..models import Arm, Experiment, Metric
from .actions import PUBLISH, ActionsMixin, Said, person
from .charts import Chart, lines
from .experiment_forms import ArmForm, ArmFormSet, ExperimentForm

FIXED = ["scenario", "metric", "days", "error_rate", "horizon"]
"""Fields that nobody changes once visitors are in: what was counted would not mean the same any more."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one arm."""

    mean: str
    difference: Difference | None

    @property
    def words(self) -> str:
        """The difference as a person would say it."""
        if self.difference is None:
            return ""
        percent = self.difference.percent
        if percent is None:
            return _("%(mean)+.3g (%(low)+.3g to %(high)+.3g)") % {
                "mean": self.difference.mean,
                "low": self.difference.low,
                "high": self.difference.high,
            }
        mean, low, high = percent
        return _("%(mean)+.1f %% (%(low)+.1f to %(high)+.1f)") % {"mean": mean, "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class Line:
    """One arm on the page."""

    arm: Arm
    visitors: int
    cells: list[Cell]
    verdict: str
    may_win: bool


class ArmInline(admin.TabularInline):
    """The arms, until visitors are in them."""

    model = Arm
    form = ArmForm
    formset = ArmFormSet
    extra = 0
    min_num = 2
    verbose_name_plural = gettext_lazy("Arms")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and not _begun(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _begun(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _begun(obj)


@admin.register(Experiment)
class ExperimentAdmin(ActionsMixin):
    """Drafts are edited; what runs is watched, ended, or made live."""

    form = ExperimentForm
    inlines = [ArmInline]
    change_form_template = "admin/mtrec/experiment/change_form.html"
    list_display = ["name", "scenario", "state_badge", "metric", "traffic_words", "starts_at", "ended_at"]
    list_filter = ["scenario"]
    list_select_related = ["scenario"]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["scenario", "name", "traffic", "ends_at"]}),
        (gettext_lazy("How it is judged"), {"fields": ["metric", "guard", "days", "error_rate", "horizon"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.button("<path:object_id>/start/", "experiment_start", PUBLISH, self.start),
            self.button("<path:object_id>/end/", "experiment_end", PUBLISH, self.end),
            self.button("<path:object_id>/adopt/", "experiment_adopt", PUBLISH, self.adopt),
        ]
        return mine + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        return super().get_queryset(request).select_related("scenario", "winner").prefetch_related("arms")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return FIXED if _begun(obj) else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        running = obj is not None and obj.state in {Experiment.State.RUNNING, Experiment.State.SCHEDULED}
        return super().has_delete_permission(request, obj) and not running

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        """A new experiment begins with a control and a variant."""
        given = super().get_formset_kwargs(request, obj, inline, prefix)
        if not obj.pk and request.method == "GET":
            given["initial"] = [
                {"name": "control", "role": Arm.Role.CONTROL, "share": 1},
                {"name": "variant", "role": Arm.Role.VARIANT, "share": 1},
            ]
        return given

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        experiment = self.get_object(request, object_id)
        context = self._extra(request, experiment) if experiment is not None else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def _extra(self, request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
        state = experiment.state
        context: dict[str, Any] = {
            "experiment": experiment,
            "state": state,
            "may_publish": request.user.has_perm(PUBLISH),
            "may_start": state == Experiment.State.DRAFT,
            "may_end": state in {Experiment.State.RUNNING, Experiment.State.SCHEDULED},
            "next": request.get_full_path(),
        }
        if state == Experiment.State.DRAFT:
            seen = traffic(experiment)
            context |= {"plans": plans(experiment, seen), "came": sum(seen.new), "back": BACK}
        else:
            found = outcome(experiment)
            context |= {
                "metrics": [Metric(name).label for name in Metric.values],
                "lines": _lines(experiment, found),
                "outcome": found,
                "chart": course(experiment, found),
                "counted": sum(effect.visitors for effect in found.effects),
                "sure": f"{100 * (1 - alpha_of(experiment, experiment.arms.all())):g}",
            }
        return context

    def start(self, request: HttpRequest, experiment: Experiment) -> Said:
        """Let visitors in."""
        moment = _moment(request.POST.get("at", ""))
        if moment is not None and moment <= timezone.now():
            raise ExperimentError(_("That moment is over. Leave it empty to start now."))
        if experiment.arms.count() < 2:
            raise ExperimentError(_("An experiment has two arms or more."))
        experiment.start(moment)
        if moment is not None:
            when = timezone.localtime(moment).strftime("%Y-%m-%d %H:%M")
            return Said(_("%(name)s starts on %(when)s.") % {"name": experiment, "when": when})
        return Said(_("%(name)s is running.") % {"name": experiment})

    def end(self, request: HttpRequest, experiment: Experiment) -> Said:
        """Serve everybody as the scenario says."""
        experiment.end()
        return Said(_("%(name)s is over; everybody is served as %(scenario)s says.") % _words(experiment))

    def adopt(self, request: HttpRequest, experiment: Experiment) -> Said:
        """Make an arm what everybody gets."""
        arm = experiment.arms.filter(name=request.POST.get("arm", "")).first()
        if arm is None:
            raise ExperimentError(_("There is no such arm."))
        experiment.adopt(arm, by=person(request))
        self.log_change(
            request,
            experiment.scenario,
            _("Arm %(arm)s of “%(name)s” went live.") % {"arm": arm.name, "name": experiment.name},
        )
        return Said(_("%(scenario)s is served as arm %(arm)s was.") % {**_words(experiment), "arm": arm.name})

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, experiment: Experiment) -> str:
        state = experiment.state
        return format_html('<span class="mtrec-badge mtrec-{}">{}</span>', state, state.label)

    @admin.display(description=gettext_lazy("traffic"), ordering="traffic")
    def traffic_words(self, experiment: Experiment) -> str:
        arms = " : ".join(f"{arm.name} {arm.share}" for arm in experiment.arms.all())
        return f"{experiment.traffic} % · {arms}"


def _begun(experiment: Any) -> bool:
    return experiment is not None and experiment.starts_at is not None


def _words(experiment: Experiment) -> dict[str, Any]:
    return {"name": experiment, "scenario": experiment.scenario}


def _moment(text: str) -> datetime | None:
    """What a field of date and time sends, in the site's own time; None for an empty one."""
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ExperimentError(_("“%(text)s” is no date and time.") % {"text": text})
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _lines(experiment: Experiment, found: Outcome) -> list[Line]:
    return [
        Line(
            effect.arm,
            effect.visitors,
            [Cell(_mean(name, effect.samples[name]), effect.differences.get(name)) for name in Metric.values],
            _verdict(experiment, effect),
            effect.arm.role != Arm.Role.HOLDOUT,
        )
        for effect in found.effects
    ]


def _mean(metric: str, sample: Sample) -> str:
    if sample.mean is None:
        return "–"
    return f"{sample.mean:.2f}" if metric == Metric.REVENUE else f"{100 * sample.mean:.2f} %"


def _verdict(experiment: Experiment, effect: Effect) -> str:
    if effect.arm.stopped_at is not None:
        return _("stopped by the guard")
    if effect.arm.role == Arm.Role.CONTROL:
        return _("what the others are compared with")
    difference = effect.differences.get(experiment.metric)
    if difference is None:
        return _("too few visitors to tell")
    if difference.better:
        return _("better")
    return _("worse") if difference.worse else _("no difference that is sure")


def course(experiment: Experiment, found: Outcome) -> Chart | None:
    """The difference in the metric that decides after each day, with its interval where there is one arm to compare."""
    names = list(dict.fromkeys(name for _day, arms in found.by_day for name in arms))
    days = [(day, arms) for day, arms in found.by_day if any(arms.values())]
    if len(days) < 2:
        return None
    series: dict[str, list[float | None]] = {name: [_percent(arms[name], 0) for _day, arms in days] for name in names}
    if len(names) == 1:
        series[_("at least")] = [_percent(arms[names[0]], 1) for _day, arms in days]
        series[_("at most")] = [_percent(arms[names[0]], 2) for _day, arms in days]
    title = _("Beside the control, in percent: %(metric)s") % {"metric": experiment.get_metric_display()}
    return lines(title, [f"{day:%m-%d}" for day, _arms in days], series)


def _percent(difference: Difference | None, at: int) -> float | None:
    return difference.percent[at] if difference is not None and difference.percent is not None else None
