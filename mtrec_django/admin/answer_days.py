"""The online figures day by day, to look at and to download."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from ..jobs.figures import figures_csv
from ..models import AnswerDay
from .readonly import ReadOnlyAdmin


@admin.register(AnswerDay)
class AnswerDayAdmin(ReadOnlyAdmin):
    """Figures that the job counted."""

    change_list_template = "admin/mtrec/answerday/change_list.html"
    list_display = [
        "day",
        "scenario",
        "version",
        "arm",
        "answers",
        "rate",
        "conversion",
        "revenue",
    ]
    list_filter = ["scenario", "day"]
    list_select_related = ["scenario", "version__scenario"]
    ordering = ["-day", "scenario", "version", "arm"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_GET(self.csv_view))
        return [path("csv/", view, name="mtrec_answerday_csv"), *super().get_urls()]

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        """All of it as one file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = f"recommendations-{timezone.localdate():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(figures_csv(), content_type="text/csv; charset=utf-8", headers=headers)

    @admin.display(description=gettext_lazy("led on, %"))
    def rate(self, row: Any) -> str:
        return f"{100 * row.clicked / row.answers:.2f}" if row.answers else "–"

    @admin.display(description=gettext_lazy("converted, %"))
    def conversion(self, row: Any) -> str:
        return f"{100 * row.converted / row.answers:.2f}" if row.answers else "–"
