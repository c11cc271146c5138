"""How far something is, while it goes: a bar, and the question by which a script keeps it up to date."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.html import format_html

SHOWN_AT_ONCE = 50
"""Rows that one poll may ask for."""


def asked_for(request: HttpRequest) -> list[int]:
    """Primary keys that a poll names by `id`."""
    asked = request.GET.getlist("id")[:SHOWN_AT_ONCE]
    return [int(value) for value in asked if value.isdecimal() and len(value) < 19]  # digits of a bigint


def bar(key: int, name: str, percent: float | None, text: str) -> str:
    """A bar of a list that the script moves; without a percentage it only says that something goes on."""
    return format_html(
        '<span class="mtrec-live" data-mtrec-run="{}"><progress max="100"{} aria-label="{}"></progress>'
        ' <span data-mtrec-field="text">{}</span></span>',
        key,
        format_html(' value="{}"', f"{percent:.1f}") if percent is not None else "",
        name,
        text,
    )


def badge(status: str, label: str) -> str:
    """A state in words, in its colour."""
    return format_html('<span class="mtrec-badge mtrec-{}" data-mtrec-field="label">{}</span>', status, label)
