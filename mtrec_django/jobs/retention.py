"""What is older than the site wants to keep goes, in batches that lock nobody out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ..conf import get_config
from ..events.visitors import references
from ..models import Feedback, Recommendation, Visitor

BATCH = 5000
"""Rows deleted in one transaction."""

Progress = Callable[[str, int, int], None]


def expire(*, dry_run: bool = False, progress: Progress | None = None) -> dict[str, int]:
    """Delete events and answers that are past their days, and guests who have nothing left; how many of each.

    An event whose time is not known counts as the oldest there is. Safe to run twice at once, and to be killed.
    """
    return {
        name: rows.count() if dry_run else _delete(name, rows, progress)
        for name, rows in (*_events(), *_shown(), *_guests())
    }


def _events() -> list[tuple[str, QuerySet[Any]]]:
    cut = _cut(get_config().KEEP_EVENTS_DAYS)
    return [("events", Feedback.objects.filter(time__lt=cut).order_by("time"))] if cut else []


def _shown() -> list[tuple[str, QuerySet[Any]]]:
    cut = _cut(get_config().KEEP_SHOWN_DAYS)
    return [("shown", Recommendation.objects.filter(created_at__lt=cut).order_by("created_at"))] if cut else []


def _guests() -> list[tuple[str, QuerySet[Any]]]:
    """Those that nobody will find again: neither user nor name, nothing done, nothing shown, no tie."""
    cut = _cut(get_config().KEEP_EVENTS_DAYS)
    if cut is None:
        return []
    rows = Visitor.objects.filter(user=None, external_id=None, created_at__lt=cut)
    for model, field in references():
        rows = rows.filter(~Exists(model._default_manager.filter(**{field: OuterRef("pk")})))
    return [("guests", rows.order_by("pk"))]


def _cut(days: int) -> datetime | None:
    return timezone.now() - timedelta(days=days) if days > 0 else None


def _delete(name: str, rows: QuerySet[Any], progress: Progress | None) -> int:
    total, done = rows.count() if progress else 0, 0
    while pks := list(rows.values_list("pk", flat=True)[:BATCH]):
        done += rows.model._default_manager.filter(pk__in=pks).delete()[1].get(rows.model._meta.label, 0)
        if progress:
            progress(f"Deleting {name}", done, max(done, total))
    return done
