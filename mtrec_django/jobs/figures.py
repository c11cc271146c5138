"""The online figures as a table for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date

from ..models import AnswerDay

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


class _Echo:
    """What a csv writer writes to: gives each line back."""

    def write(self, line: str) -> str:
        return line


def figures_csv(since: date | None = None) -> Iterator[str]:
    """Lines of CSV, the first with the names: a line for each day, scenario, version and arm."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    rows = AnswerDay.objects.order_by("day", "scenario__name", "version", "arm")
    if since is not None:
        rows = rows.filter(day__gte=since)
    fields = ("answers", "clicked", "clicks", "converted", "conversions", "revenue")
    for row in rows.values_list("day", "scenario__name", "version", "arm", *fields).iterator(chunk_size=2000):
        yield writer.writerow(row)
