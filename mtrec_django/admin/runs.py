"""Runs: what is being worked on, how far it is, how it ended."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from ..models import Run
from .actions import TRAIN, ActionsMixin, Said
from .durations import duration
from .progress import asked_for, badge, bar
from .readonly import ReadOnlyAdmin
from .steps import in_words


def state(run: Run) -> dict[str, Any]:
    """What a page shows of a run while it goes; texts, so that the script knows no language."""
    percent = run.percent
    left = run.seconds_left
    parts = [in_words(run.step)]
    if percent is not None and not run.is_finished:
        parts.append(f"{percent:.0f} %")
    if left is not None:
        parts.append(_("%(time)s left") % {"time": duration(left)})
    return {
        "id": run.pk,
        "status": run.status,
        "label": run.get_status_display(),
        "percent": percent,
        "text": " · ".join(part for part in parts if part),
        "worker": run.worker,
        "finished": run.is_finished,
    }


@admin.register(Run)
class RunAdmin(ActionsMixin, ReadOnlyAdmin):
    """Runs, read-only but for Cancel."""

    change_list_template = "admin/mtrec/polled_list.html"
    list_display = ["name", "status_badge", "progress", "created_at", "took"]
    list_filter = ["status", "kind", "scenario"]
    list_select_related = ["scenario", "version__scenario", "requested_by"]
    ordering = ["-pk"]
    fieldsets = [
        (None, {"fields": ["kind", "scenario", "version", "requested_by", "worker", "task_id"]}),
        (gettext_lazy("Times"), {"fields": ["created_at", "started_at", "heartbeat_at", "finished_at", "took"]}),
        (gettext_lazy("Details"), {"classes": ["collapse"], "fields": ["options", "report"]}),
    ]
    readonly_fields = ["took"]

    def get_urls(self) -> list[URLPattern]:
        poll = self.admin_site.admin_view(require_GET(self.progress_view))
        mine = [
            path("progress/", poll, name="mtrec_run_progress"),
            self.button("<path:object_id>/cancel/", "run_cancel", TRAIN, self.cancel),
        ]
        return mine + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).select_related("scenario", "version__scenario", "requested_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        Run.objects.reap()
        context = {"poll": Run.objects.unfinished().exists(), "poll_url": poll_url(self.admin_site)}
        return super().changelist_view(request, context | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        Run.objects.reap()
        run = self.get_object(request, object_id)
        context: dict[str, Any] = {"may_train": request.user.has_perm(TRAIN)}
        if run is not None:
            context |= {"run": run, "state": state(run), "outcome": outcome(run), "poll": not run.is_finished}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """The runs asked for by `id`, as JSON; polled while they go."""
        if not self.has_view_permission(request):
            return JsonResponse({"runs": []}, status=403)
        Run.objects.reap()
        return JsonResponse({"runs": [state(run) for run in Run.objects.filter(pk__in=asked_for(request))]})

    def cancel(self, request: HttpRequest, run: Run) -> Said:
        """Ask the worker to stop."""
        if run.is_finished:
            return Said(_("%(run)s has ended already.") % {"run": run}, messages.INFO)
        run.cancel()
        if run.is_finished:
            return Said(_("%(run)s is cancelled.") % {"run": run})
        return Said(_("%(run)s stops at its next step.") % {"run": run})

    @admin.display(description=gettext_lazy("run"), ordering="pk")
    def name(self, run: Run) -> str:
        return str(run)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_badge(self, run: Run) -> str:
        return badge(run.status, run.get_status_display())

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, run: Run) -> str:
        if run.is_finished:
            return outcome(run)
        now = state(run)
        return bar(run.pk, str(run), now["percent"], now["text"] or now["label"])

    @admin.display(description=gettext_lazy("took"))
    def took(self, run: Run) -> str:
        if not run.started_at or not run.finished_at:
            return "–"
        return duration((run.finished_at - run.started_at).total_seconds())


def outcome(run: Run) -> str:
    """How a run ended: its error, or the version it made and whether that won."""
    if run.error:
        return run.error.split("\n")[0][:200]
    if run.version is None:
        return "–"
    link = reverse("admin:mtrec_modelversion_change", args=[run.version.pk])
    return format_html('<a href="{}">{}</a> {}', link, run.version, run.version.reason[:200])


def poll_url(admin_site: admin.AdminSite) -> str:
    """Where pages ask how far runs are."""
    return reverse("admin:mtrec_run_progress", current_app=admin_site.name)
