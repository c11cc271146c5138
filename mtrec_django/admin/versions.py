"""Model versions: lineage, figures beside the baselines, card; the buttons Publish and Compare."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from ..exceptions import NotPublishable
from ..models import ModelVersion, Publication, Scenario
from .actions import PUBLISH, ActionsMixin, Said, person
from .comparison import compare
from .figures import tables
from .plots import plots
from .readonly import ReadOnlyAdmin

REASON_LENGTH = 500

SHOWN = {"epochs", "margins", "metrics", "tails"}
"""Parts of a report that the page shows in a shape of their own."""


@admin.register(ModelVersion)
class ModelVersionAdmin(ActionsMixin, ReadOnlyAdmin):
    """Versions are made by trainings; people publish them."""

    list_display = ["name", "status_badge", "live", "verdict", "headline", "events", "created_at"]
    list_display_links = ["name"]
    list_filter = ["status", "kind", "scenario", "publishable"]
    list_select_related = ["scenario", "parent"]
    ordering = ["-pk"]

    def get_urls(self) -> list[URLPattern]:
        beside = self.admin_site.admin_view(require_GET(self.compare_view))
        mine = [
            path("compare/", beside, name="mtrec_modelversion_compare"),
            self.button("<path:object_id>/publish/", "publish", PUBLISH, self.publish),
        ]
        return mine + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return super().get_queryset(request).select_related("scenario", "parent").prefetch_related("live_in")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        context = self._extra(request, version) if version is not None else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def _extra(self, request: HttpRequest, version: ModelVersion) -> dict[str, Any]:
        base = version.parent or version
        others = ModelVersion.objects.exclude(pk=version.pk).exclude(metrics={}).select_related("scenario")
        return {
            "version": version,
            "base": base,
            "transfers": base.children.select_related("scenario").prefetch_related("live_in").order_by("pk"),
            "tables": tables(version),
            "plots": list(plots(version)),
            "settings_rows": _rows(version.settings),
            "report_rows": _rows({name: version.report[name] for name in version.report if name not in SHOWN}),
            "others": others.order_by("-pk")[:30],
            "publications": version.publications.select_related("scenario", "by", "replaced__scenario")[:10],
            "files": version.files.defer("data"),
            "scenarios": Scenario.objects.all() if version.kind == ModelVersion.Kind.BASE else [],
            "may_publish": request.user.has_perm(PUBLISH) and version.status == ModelVersion.Status.READY,
            "next": request.get_full_path(),
        }

    def publish(self, request: HttpRequest, version: ModelVersion) -> Said:
        """Make the version live: a transfer in its scenario, a base in the named one or in all."""
        name = request.POST.get("scenario", "")
        scenarios = list(Scenario.objects.filter(name=name)) if name else None
        if scenarios == []:
            raise NotPublishable(_("There is no scenario %(name)s.") % {"name": name})
        reason = request.POST.get("reason", "").strip()[:REASON_LENGTH]
        published = version.publish(scenarios, by=person(request), reason=reason or _("published by hand"))
        if not published:
            raise NotPublishable(_("%(version)s is live there already.") % {"version": version})
        names = ", ".join(row.scenario.name for row in published)
        return Said(_("%(version)s is live in %(names)s.") % {"version": version, "names": names})

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Two versions side by side."""
        if not self.has_view_permission(request):
            raise Http404
        a, b = (self.get_object(request, request.GET.get(name, "")) for name in ("a", "b"))
        if a is None or b is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": _("Compare %(a)s with %(b)s") % {"a": a, "b": b},
            "opts": self.opts,
            **compare(a, b),
        }
        return TemplateResponse(request, "admin/mtrec/modelversion/compare.html", context)

    @admin.display(description=gettext_lazy("version"), ordering="pk")
    def name(self, version: ModelVersion) -> str:
        return str(version)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_badge(self, version: ModelVersion) -> str:
        return format_html('<span class="mtrec-badge mtrec-{}">{}</span>', version.status, version.get_status_display())

    @admin.display(description=gettext_lazy("live in"))
    def live(self, version: ModelVersion) -> str:
        names = [(scenario.name,) for scenario in version.live_in.all()]
        return format_html_join(" ", '<span class="mtrec-badge mtrec-live-in">{}</span>', names) or "–"

    @admin.display(description=gettext_lazy("won"), boolean=True, ordering="publishable")
    def verdict(self, version: ModelVersion) -> bool | None:
        return version.publishable

    @admin.display(description="NDCG@10")
    def headline(self, version: ModelVersion) -> str:
        found = [(shown.scenario, shown.rows[0].values[0]) for shown in tables(version) if shown.rows[0].own]
        return ", ".join(f"{name} {value:.4f}" for name, value in found if value is not None) or "–"


@admin.register(Publication)
class PublicationAdmin(ReadOnlyAdmin):
    """What went live where, when, by whom and why."""

    list_display = ["scenario", "version", "replaced", "by", "reason", "created_at"]
    list_filter = ["scenario"]
    list_select_related = ["scenario", "version__scenario", "replaced__scenario", "by"]
    ordering = ["-pk"]


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1))
        for name, value in values.items()
    ]
