"""Batches of lists: how far they are, the lists as CSV, and a button that makes no more of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from ..jobs.batches import batch_csv
from ..models import Batch, Run
from .actions import TRAIN, ActionsMixin, Said
from .durations import duration
from .progress import asked_for, badge, bar
from .readonly import ReadOnlyAdmin

SEE_LISTS = "mtrec.view_batchlist"


@admin.register(Batch)
class BatchAdmin(ActionsMixin, ReadOnlyAdmin):
    """Batches, read-only but for Cancel."""

    change_list_template = "admin/mtrec/polled_list.html"
    list_display = ["name", "status", "progress", "lists", "n", "created_at"]
    list_filter = ["scenario", "created_at"]
    list_select_related = ["scenario"]
    ordering = ["-pk"]
    fields = ["scenario", "n", "rules", "status", "progress", "lists", "took", "created_at", "cancelled_at"]
    readonly_fields = ["status", "progress", "lists", "took", "cancelled_at"]

    def get_urls(self) -> list[URLPattern]:
        poll = self.admin_site.admin_view(require_GET(self.progress_view))
        file = self.admin_site.admin_view(require_GET(self.csv_view))
        mine = [
            path("progress/", poll, name="mtrec_batch_progress"),
            path("<path:object_id>/csv/", file, name="mtrec_batch_csv"),
            self.button("<path:object_id>/cancel/", "batch_cancel", TRAIN, self.cancel),
        ]
        return mine + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        counted = super().get_queryset(request).select_related("scenario")
        return counted.annotate(
            chunks_asked=Count("chunks"),
            chunks_made=Count("chunks__done_at"),
            lists_made=Coalesce(Sum("chunks__lists"), 0),
            seconds_spent=Coalesce(Sum("chunks__seconds"), 0.0),
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        going = Batch.objects.filter(cancelled_at__isnull=True, chunks__done_at__isnull=True, chunks__isnull=False)
        context = {"poll": going.exists(), "poll_url": self._poll_url()}
        return super().changelist_view(request, context | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        batch = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if batch is not None:
            ended = _is_ended(batch)
            context = {
                "poll": not ended,
                "poll_url": self._poll_url(),
                "may_cancel": not ended and request.user.has_perm(TRAIN),
                "may_download": ended and request.user.has_perm(SEE_LISTS),
            }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """The batches asked for by `id`, as JSON; polled while they go."""
        if not self.has_view_permission(request):
            return JsonResponse({"runs": []}, status=403)
        return JsonResponse(
            {"runs": [state(row) for row in self.get_queryset(request).filter(pk__in=asked_for(request))]}
        )

    def csv_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The lists of a batch that is made, or as many as were made when it was cancelled."""
        if not request.user.has_perm(SEE_LISTS):
            raise PermissionDenied
        batch = self.get_object(request, object_id)
        if batch is None or not _is_ended(batch):
            raise Http404
        headers = {"Content-Disposition": f'attachment; filename="lists-{batch.pk}.csv"'}
        return StreamingHttpResponse(batch_csv(batch), content_type="text/csv; charset=utf-8", headers=headers)

    def cancel(self, request: HttpRequest, batch: Any) -> Said:
        """Make no more of it."""
        if _is_ended(batch):
            return Said(_("%(batch)s has ended already.") % {"batch": batch}, messages.INFO)
        batch.cancel()
        return Said(_("%(batch)s is cancelled; the lists that are made stay.") % {"batch": batch})

    def _poll_url(self) -> str:
        return reverse("admin:mtrec_batch_progress", current_app=self.admin_site.name)

    @admin.display(description=gettext_lazy("batch"), ordering="pk")
    def name(self, batch: Batch) -> str:
        return str(batch)

    @admin.display(description=gettext_lazy("status"))
    def status(self, batch: Any) -> str:
        found = _status(batch)
        return badge(found, str(found.label))

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, batch: Any) -> str:
        now = state(batch)
        return str(now["text"]) if now["finished"] else bar(batch.pk, str(batch), now["percent"], now["text"])

    @admin.display(description=gettext_lazy("lists"), ordering="lists_made")
    def lists(self, batch: Any) -> int:
        return int(batch.lists_made)

    @admin.display(description=gettext_lazy("time of the workers"))
    def took(self, batch: Any) -> str:
        return duration(batch.seconds_spent)


def state(batch: Any) -> dict[str, Any]:
    """What a page shows of a batch while it goes, in the shape of a run's."""
    status, asked, made = _status(batch), batch.chunks_asked, batch.chunks_made
    return {
        "id": batch.pk,
        "status": status,
        "label": str(status.label),
        "percent": 100 * made / asked if asked else None,
        "text": _("%(made)d of %(asked)d parts") % {"made": made, "asked": asked},
        "worker": "",
        "finished": _is_ended(batch),
    }


def _status(batch: Any) -> Run.Status:
    return batch.status_of(batch.chunks_asked, batch.chunks_made)


def _is_ended(batch: Any) -> bool:
    return _status(batch) in {Run.Status.SUCCEEDED, Run.Status.CANCELLED}
