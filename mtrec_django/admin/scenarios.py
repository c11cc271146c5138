"""Scenarios: the form, and the buttons Train, Transfer and Roll back."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from ..models import Run, Scenario
from ..models.versions import live_before, roll_back
from .actions import PUBLISH, TRAIN, ActionsMixin, Said, ask, person
from .dashboard import dashboard
from .figures import HEADLINE, table
from .forms import ScenarioForm
from .online import by_position
from .pins import PinInline
from .plots import by_version
from .preview import preview
from .weights import weights


@admin.register(Scenario)
class ScenarioAdmin(ActionsMixin):
    """Scenarios may be changed; those declared in code say so."""

    form = ScenarioForm
    list_display = ["name", "title", "enabled", "live", "goal_words", "parent", "from_code"]
    list_filter = ["enabled"]
    list_select_related = ["live_version__scenario", "parent"]
    search_fields = ["name", "title"]
    readonly_fields = ["live", "from_code"]
    fieldsets = [
        (None, {"fields": ["name", "title", "enabled", "live", "from_code"]}),
        (gettext_lazy("What is wanted"), {"fields": ["goal", "exclude"]}),
        (gettext_lazy("What may be shown"), {"fields": ["sources", "hide", "candidates", "weights", "parent"]}),
        (
            gettext_lazy("Rules"),
            {"fields": ["boost", "at_most", "diversity", "minimum", ("rotation_factor", "rotation_hours"), "options"]},
        ),
    ]
    inlines = [PinInline]

    def get_urls(self) -> list[URLPattern]:
        front = self.admin_site.admin_view(self.dashboard_view)
        mine = [
            path("dashboard/", front, name="mtrec_dashboard"),
            path(
                "<path:object_id>/preview/",
                self.admin_site.admin_view(require_GET(self.preview_view)),
                name="mtrec_preview",
            ),
            self.button("train/", "train", TRAIN, self.train),
            self.button("<path:object_id>/transfer/", "transfer", TRAIN, self.transfer),
            self.button("<path:object_id>/roll-back/", "roll_back", PUBLISH, self.roll_back),
        ]
        return mine + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scenario]:
        return super().get_queryset(request).select_related("live_version__scenario", "parent")

    def dashboard(self, request: HttpRequest) -> dict[str, Any] | None:
        """What the front page of the app shows; None for a person who may not look at scenarios."""
        return dashboard(request, self.admin_site) if self.has_view_permission(request) else None

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """The dashboard is the front page of the app; this is a name for it."""
        return HttpResponseRedirect(reverse("admin:app_list", args=["mtrec"], current_app=self.admin_site.name))

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the scenario would show to somebody, with scores, sources and reasons."""
        term = request.GET.get("visitor", "").strip()
        if not self.has_view_permission(request) or (term and not request.user.has_perm("mtrec.view_visitor")):
            raise PermissionDenied
        scenario = self.get_object(request, object_id)
        if scenario is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": _("What %(name)s shows") % {"name": scenario},
            "opts": self.opts,
            "scenario": scenario,
            "may_name": request.user.has_perm("mtrec.view_visitor"),
            **preview(scenario, request.GET.dict()),
        }
        return TemplateResponse(request, "admin/mtrec/scenario/preview.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        scenario = self.get_object(request, object_id)
        return super().change_view(request, object_id, form_url, self._extra(request, scenario) | (extra_context or {}))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, self._extra(request, None) | (extra_context or {}))

    def _extra(self, request: HttpRequest, scenario: Scenario | None) -> dict[str, Any]:
        context: dict[str, Any] = {
            "may_train": request.user.has_perm(TRAIN),
            "may_publish": request.user.has_perm(PUBLISH),
            "next": request.get_full_path(),
        }
        if scenario is not None:
            live = scenario.live_version
            context["table"] = table(live, scenario.name, HEADLINE) if live else None
            context["chart"] = by_version(scenario)
            context["before"] = live_before(scenario)
            context["positions"] = by_position(scenario)
            context["weights"] = weights(scenario)
            context["changed_here"] = changed_here(scenario)
            context["publications"] = scenario.publications.select_related(
                "version__scenario", "replaced__scenario", "by"
            )[:10]
            context["runs"] = scenario.runs.select_related("scenario", "version__scenario")[:5]
        return context

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        """For the history: each changed field with what it was and what it is."""
        message = super().construct_change_message(request, form, formsets, add)
        if not add and message and form.changed_data:
            message[0]["changed"]["fields"] = [_change(form, name) for name in form.changed_data]
        return message

    def train(self, request: HttpRequest, row: None) -> Said:
        """Pretrain a new base over all scenarios."""
        return ask(request, Run.Kind.TRAIN)

    def transfer(self, request: HttpRequest, scenario: Scenario) -> Said:
        """Fine-tune the live base for this scenario."""
        return ask(request, Run.Kind.TRANSFER, scenario)

    def roll_back(self, request: HttpRequest, scenario: Scenario) -> Said:
        """Put back what was live before."""
        publication = roll_back(scenario, by=person(request))
        words = {"version": publication.version, "name": scenario.name}
        return Said(_("%(version)s is live again in %(name)s.") % words)

    @admin.display(description=gettext_lazy("live version"))
    def live(self, scenario: Scenario) -> str:
        version = scenario.live_version
        if version is None:
            return _("none: popular and new items are shown")
        link = reverse("admin:mtrec_modelversion_change", args=[version.pk])
        return format_html('<a href="{}">{}</a>', link, version)

    @admin.display(description=gettext_lazy("goal"))
    def goal_words(self, scenario: Scenario) -> str:
        return ", ".join(f"{kind} {weight:g}" for kind, weight in scenario.goal.items()) or "–"

    @admin.display(description=gettext_lazy("declared in code"), boolean=True)
    def from_code(self, scenario: Scenario) -> bool:
        return scenario.declared is not None


def _change(form: Any, name: str) -> str:
    """A field in words: label, what it was, what it is."""
    field = form.fields[name]
    was, now = (field.prepare_value(value) for value in (form.initial.get(name), form.cleaned_data[name]))
    if isinstance(field, forms.ModelChoiceField):
        was = field.queryset.filter(pk=was).first() if was and field.queryset is not None else None
        now = form.cleaned_data[name]
    return f"{field.label}: {_written(was)} → {_written(now)}"


def _written(value: object) -> str:
    return "–" if value in (None, "", [], {}) else str(value).replace("\n", ", ")[:200]


def changed_here(scenario: Scenario) -> list[tuple[str, str]]:
    """The fields in which a scenario differs from its declaration in code, each with what the code says."""
    found = []
    for name, declared in (scenario.declared or {}).items():
        current = getattr(scenario, name, None)
        if name == "parent":
            current = scenario.parent.name if scenario.parent else None
        if current != declared:
            found.append((str(label_for_field(name, Scenario)), json.dumps(declared, ensure_ascii=False)))
    return found
