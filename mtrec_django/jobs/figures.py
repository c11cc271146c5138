"""The online figures as a table for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import chain

from ..models import AnswerDay
from .sheets import csv_lines

COLUMNS = (
    "day",
    "scenario",
    "version",
    "arm",
    "lists",
    "lists_led_on",
    "clicks",
    "lists_converted",
    "conversions",
    "revenue",
)


def figures_csv(since: date | None = None) -> Iterator[str]:
    """Lines of CSV, the first with the names: a line for each day, scenario, version and arm."""
    rows = AnswerDay.objects.order_by("day", "scenario__name", "version", "arm")
    if since is not None:
        rows = rows.filter(day__gte=since)
    fields = ("answers", "clicked", "clicks", "converted", "conversions", "revenue")
    figures = rows.values_list("day", "scenario__name", "version", "arm", *fields).iterator(chunk_size=2000)
    return csv_lines(chain([COLUMNS], figures))
