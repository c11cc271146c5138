"""Pins, in the form of their scenario."""

from __future__ import annotations

from django.contrib import admin

from ..models import Pin
from .inlines import LabelledFormSet


class PinInline(admin.TabularInline):
    """Items with a fixed place."""

    model = Pin
    formset = LabelledFormSet
    fields = ["item", "position", "starts_at", "ends_at"]
    raw_id_fields = ["item"]
    extra = 0
