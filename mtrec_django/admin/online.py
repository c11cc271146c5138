"""What visitors did with what was shown, counted from the answers and the events that came from them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from ..models import Feedback, Recommendation

DAYS = 28

PATIENCE = 60
"""A count is kept so many times as long as it took: not at all on a small site, a minute where it takes a second."""

CACHE_KEY = "mtrec.online"


@dataclass(slots=True)
class Answers:
    """Answers of a span of time."""

    answers: int = 0
    clicked: int = 0
    fallback: int = 0

    def add(self, other: Answers) -> None:
        self.answers += other.answers
        self.clicked += other.clicked
        self.fallback += other.fallback

    @property
    def rate(self) -> float | None:
        """Share of answers that led to an event, in percent; None without answers."""
        return 100 * self.clicked / self.answers if self.answers else None

    @property
    def fallback_share(self) -> float | None:
        """Share of answers given without a model, in percent; None without answers."""
        return 100 * self.fallback / self.answers if self.answers else None


@dataclass(slots=True)
class Online:
    """One scenario's answers of the last weeks."""

    week: Answers = field(default_factory=Answers)
    month: Answers = field(default_factory=Answers)
    days: list[Answers] = field(default_factory=list)  # oldest first, DAYS of them


def online(scenarios: Iterable[int]) -> dict[int, Online]:
    """The answers of each scenario (by primary key), in one query at most."""
    today = timezone.localdate()
    by_day = _remembered(today - timedelta(days=DAYS - 1))
    found = {}
    for scenario in scenarios:
        figures = Online(days=[by_day[scenario, today - timedelta(days=back)] for back in reversed(range(DAYS))])
        for day in figures.days:
            figures.month.add(day)
        for day in figures.days[-7:]:
            figures.week.add(day)
        found[scenario] = figures
    return found


def _remembered(since: date) -> dict[tuple[int, date], Answers]:
    """Counted anew, unless that took so long that a minute-old count is better than the wait."""
    known: dict[tuple[int, date], Answers] | None = cache.get(CACHE_KEY)
    if known is None:
        began = time.perf_counter()
        known = _by_day(since)
        cache.set(CACHE_KEY, known, timeout=int(PATIENCE * (time.perf_counter() - began)))
    return defaultdict(Answers, known)


def _by_day(since: date) -> dict[tuple[int, date], Answers]:
    start = timezone.make_aware(datetime.combine(since, datetime.min.time()))
    led_on = Exists(Feedback.objects.filter(recommendation=OuterRef("pk")))
    rows = (
        Recommendation.objects.filter(created_at__gte=start, scenario__isnull=False)
        .annotate(day=TruncDate("created_at"), led_on=led_on)
        .values_list("scenario", "day")
        .annotate(n=Count("pk"), clicked=Count("pk", filter=Q(led_on=True)), plain=Count("pk", filter=Q(version=None)))
        .order_by()
    )
    found: dict[tuple[int, date], Answers] = {}
    for scenario, day, n, clicked, plain in rows:
        found[scenario, day] = Answers(n, clicked, plain)
    return found
