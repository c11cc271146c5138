"""Erasures, to look at: that somebody was erased, when and how much, with the receipt; it names nobody."""

from __future__ import annotations

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from ..models import Erasure
from .readonly import ReadOnlyAdmin


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Receipts, the newest first."""

    list_display = ["erased_at", "id", "total"]
    list_filter = ["erased_at"]
    search_fields = ["id"]
    found_by = gettext_lazy("The id of a receipt, or a part of it.")
    ordering = ["-erased_at"]
    fields = ["id", "erased_at", "rows", "receipt"]
    readonly_fields = ["rows", "receipt"]

    @admin.display(description=gettext_lazy("rows"))
    def total(self, erasure: Erasure) -> int:
        return sum(erasure.counts.values())

    @admin.display(description=gettext_lazy("rows by table"))
    def rows(self, erasure: Erasure) -> str:
        return ", ".join(f"{table} {count}" for table, count in sorted(erasure.counts.items())) or "–"

    @admin.display(description=gettext_lazy("receipt"))
    def receipt(self, erasure: Erasure) -> str:
        """Signed; `mtrec_erase --verify` says whether a copy of it is genuine."""
        return format_html('<pre class="mtrec-value">{}</pre>', json.dumps(erasure.receipt(), indent=1))
