"""What visitors did with what was shown, from the days that the job counted; no page counts events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import AnswerDay, PositionDay, Scenario, ScenarioDay
from .charts import Chart, lines

DAYS = 28

WIDTH, HEIGHT = 360, 170
"""Of a chart on a card."""


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None


@dataclass(slots=True)
class Answers:
    """Answers of a span of time. Shares are in percent, and None without answers."""

    answers: int = 0
    clicked: int = 0
    converted: int = 0
    conversions: int = 0
    revenue: float = 0.0
    fallback: int = 0

    def add(self, other: Answers) -> None:
        self.answers += other.answers
        self.clicked += other.clicked
        self.converted += other.converted
        self.conversions += other.conversions
        self.revenue += other.revenue
        self.fallback += other.fallback

    @property
    def rate(self) -> float | None:
        """Share of answers that led to an event."""
        return _percent(self.clicked, self.answers)

    @property
    def conversion(self) -> float | None:
        """Share of answers that led to a conversion."""
        return _percent(self.converted, self.answers)

    @property
    def fallback_share(self) -> float | None:
        """Share of answers given without a model, though none was meant to be."""
        return _percent(self.fallback, self.answers)


@dataclass(slots=True)
class Online:
    """One scenario's answers of the last weeks."""

    week: Answers = field(default_factory=Answers)
    month: Answers = field(default_factory=Answers)
    days: list[Answers] = field(default_factory=list)  # oldest first, DAYS of them
    consented: int = 0
    refused: int = 0
    items_shown: int | None = None
    items_available: int | None = None
    counted_at: datetime | None = None

    @property
    def consent(self) -> float | None:
        """Share of lists given with consent, in percent."""
        return _percent(self.consented, self.consented + self.refused)

    @property
    def coverage(self) -> float | None:
        """Share of the available items that were shown, in percent."""
        shown, available = self.items_shown, self.items_available
        return min(100.0, 100 * shown / available) if shown is not None and available else None


def online(scenarios: Iterable[int]) -> dict[int, Online]:
    """The answers of each scenario (by primary key), in two queries."""
    today = timezone.localdate()
    since = today - timedelta(days=DAYS - 1)
    by_day = _answers(since)
    found = {}
    for scenario in scenarios:
        figures = Online(days=[by_day[scenario, today - timedelta(days=back)] for back in reversed(range(DAYS))])
        for day in figures.days:
            figures.month.add(day)
        for day in figures.days[-7:]:
            figures.week.add(day)
        found[scenario] = figures
    for row in ScenarioDay.objects.filter(day__gte=since).order_by("day"):
        if row.scenario_id in found:
            _note(found[row.scenario_id], row)
    return found


def _note(figures: Online, row: ScenarioDay) -> None:
    figures.consented += row.consented
    figures.refused += row.refused
    figures.counted_at = max(filter(None, (figures.counted_at, row.counted_at)), default=None)
    if row.items_shown is not None:  # the newest stands
        figures.items_shown, figures.items_available = row.items_shown, row.items_available


def _answers(since: date) -> dict[tuple[int, date], Answers]:
    plain = Q(version=None, arm="")  # an arm without a model is meant to have none
    rows = (
        AnswerDay.objects.filter(day__gte=since)
        .values_list("scenario", "day")
        .annotate(
            Sum("answers"),
            Sum("clicked"),
            Sum("converted"),
            Sum("conversions"),
            Sum("revenue"),
            without_model=Coalesce(Sum("answers", filter=plain), 0),
        )
        .order_by()
    )
    found: dict[tuple[int, date], Answers] = defaultdict(Answers)
    for scenario, day, *sums in rows:
        found[scenario, day] = Answers(*sums)
    return found


def chart(figures: Online) -> Chart | None:
    """Click-through and conversion by day; None where nothing led on."""
    if not figures.month.clicked:
        return None
    today = timezone.localdate()
    labels = [f"{today - timedelta(days=back):%m-%d}" for back in reversed(range(DAYS))]
    series = {_("led to a click or more"): [day.rate for day in figures.days]}
    if figures.month.converted:
        series[_("converted")] = [day.conversion for day in figures.days]
    title = _("By day, in percent of the lists")
    sparse = {"show_dots": False, "x_labels_major_every": 7, "show_minor_x_labels": False, "truncate_label": -1}
    return lines(title, labels, series, width=WIDTH, height=HEIGHT, min_scale=2, max_scale=4, **sparse)


def by_position(scenario: Scenario) -> Chart | None:
    """How often each place of a scenario's lists was clicked, of the times it was shown."""
    since = timezone.localdate() - timedelta(days=DAYS - 1)
    rows = PositionDay.objects.filter(scenario=scenario, day__gte=since).values_list("position")
    summed = list(rows.annotate(Sum("shown"), Sum("clicks")).order_by("position")[:20])
    if not any(clicks for _position, _shown, clicks in summed):
        return None
    rates = [_percent(clicks, shown) for _position, shown, clicks in summed]
    labels = [position + 1 for position, _shown, _clicks in summed]
    return lines(_("Clicks by position, in percent of the times shown"), labels, {_("clicks"): rates})
