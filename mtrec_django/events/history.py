"""Whole histories: a site's own past events, streamed into the database."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from time import time as now
from typing import Any

from django.utils import timezone
from django.utils.text import slugify

from ..catalog.item_source import ItemSource
from ..catalog.registry import sources
from ..catalog.sync import CHUNK, Progress, chunks
from ..dataset import NEGATIVE_KINDS
from ..models import Scenario
from .staging import Row, store
from .validation import CLOCK_SKEW, KIND

EVENTS_PER_CHUNK = 100_000
"""Events staged, joined and committed at once: what a killed import loses at most."""
EXAMPLES = 3
"""How many rows of each cause a report shows."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the past. Who did it is `user` (primary key of the user model) or `visitor` (any name of yours)."""

    object_id: Any
    kind: str
    time: datetime | float
    """A datetime (without a zone it is the site's) or unix seconds; 0 where it is not known."""
    user: Any = None
    visitor: str | None = None
    value: float | None = None
    scenario: str | None = None
    key: str | None = None
    """What makes the event one of a kind; without it all fields together do."""
    basket: str = ""
    source: str | None = None
    """Label of the object's model, where a history has events on several."""


@dataclass
class ImportReport:
    """What an import did; nothing that was read is missing from it."""

    read: int = 0
    imported: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # cause -> rows
    examples: dict[str, list[str]] = field(default_factory=dict)  # cause -> a few of its rows
    items: int = 0
    users: int = 0
    relations: int = 0
    scenarios: list[str] = field(default_factory=list)  # made because they were named

    def skip(self, cause: str, example: object, rows: int = 1) -> None:
        """Count rows that cannot be used."""
        self.skipped[cause] += rows
        kept = self.examples.setdefault(cause, [])
        if len(kept) < EXAMPLES and example != "":
            kept.append(str(example)[:200])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"skipped": dict(self.skipped)}


def import_events(
    events: Iterable[Event],
    source: str,
    progress: Progress | None = None,
    *,
    lookup: str = "pk",
    report: ImportReport | None = None,
) -> ImportReport:
    """Store a history on the items of one source, in chunks of their own transactions; memory does not grow with it.

    `object_id` is the primary key of the site's object, or the value of its field `lookup`. Visitors and scenarios that
    are missing are made, and items whose object exists. A second import of the same events adds nothing: they are
    counted as duplicates, as any event that is there already.
    """
    report = report or ImportReport()
    made = _ScenarioMaker(source, report)
    stream = iter(events)
    while chunk := list(islice(stream, EVENTS_PER_CHUNK)):
        report.read += len(chunk)
        rows = list(_checked(chunk, source.lower(), report))
        if lookup != "pk":
            rows = _looked_up(rows, lookup, report)
        made.prepare(rows)
        store(rows, report)
        if progress:
            progress("Importing events", report.read, 0)
    made.finish()
    return report


def _checked(events: list[Event], source: str, report: ImportReport) -> Iterator[Row]:
    """The events that could be stored, as rows of the staging table."""
    latest = now() + CLOCK_SKEW.total_seconds()
    for event in events:
        value, moment = _value(event.value), _seconds(event.time)
        if not isinstance(event.kind, str) or not KIND.fullmatch(event.kind):
            report.skip("bad kind", event)
        elif value is None:
            report.skip("bad number", event)
        elif moment is None or moment < 0:
            report.skip("bad time", event)
        elif moment > latest:
            report.skip("future time", event)
        elif event.user is None and not event.visitor:
            report.skip("no visitor", event)
        elif (scenario := _slug(event.scenario)) is None:
            report.skip("bad scenario", event)
        else:
            yield Row(
                source=event.source.lower() if event.source else source,
                object_id=_clean(event.object_id, 255),
                user=_user(event.user),
                visitor=_clean(event.visitor, 255) if event.user is None else "",
                kind=event.kind,
                value=None if math.isnan(value) else value,
                time=moment,
                scenario=scenario,
                basket=_clean(event.basket, 64),
                key=_clean(event.key, 255) if event.key is not None else "",
            )


def _value(value: Any) -> float | None:
    """NaN for no value, None for a bad one."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return None if math.isinf(number) else number


def _seconds(time: Any) -> float | None:
    if isinstance(time, datetime):
        return (timezone.make_aware(time) if timezone.is_naive(time) else time).timestamp()
    if isinstance(time, int | float) and not isinstance(time, bool) and math.isfinite(time):
        return float(time)
    return None


@lru_cache(maxsize=1000)
def _slug(name: str | None) -> str | None:
    """The name of a scenario; empty for none, None for what cannot be one."""
    return (slugify(name)[:64] or None) if name else ""


def _clean(value: Any, length: int) -> str:
    text = "" if value is None else str(value)
    return text.replace("\x00", "")[:length]


def _user(user: Any) -> str:
    return "" if user is None else str(getattr(user, "pk", user))


def _looked_up(rows: list[Row], lookup: str, report: ImportReport) -> list[Row]:
    """The same rows with primary keys in place of lookup values."""
    found: dict[tuple[str, str], str] = {}
    wanted: dict[str, set[str]] = {}
    for row in rows:
        wanted.setdefault(row.source, set()).add(row.object_id)
    for label, values in wanted.items():
        source = sources().get(label)
        if source is not None:
            found |= {(label, value): pk for value, pk in _primary_keys(source, lookup, values)}
    kept = []
    for row in rows:
        if pk := found.get((row.source, row.object_id)):
            kept.append(row._replace(object_id=pk))
        else:
            report.skip("unknown item", row.object_id)
    return kept


def _primary_keys(source: ItemSource, lookup: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    queryset = source.model._default_manager.order_by(
        "-pk"
    )  # of several with one value the first comes last, and counts
    for some in chunks(sorted(values), CHUNK):
        for value, pk in queryset.filter(**{f"{lookup}__in": some}).values_list(lookup, "pk"):
            yield str(value), str(pk)


class _ScenarioMaker:
    """Makes the scenarios that events name; their goal is every positive kind seen there, each counting one."""

    def __init__(self, source: str, report: ImportReport) -> None:
        self.source = source
        self.report = report
        self.known = set(Scenario.objects.values_list("name", flat=True))
        self.kinds: dict[str, set[str]] = {}

    def prepare(self, rows: Iterable[Row]) -> None:
        """Make what these rows name."""
        for name, kind in {(row.scenario, row.kind) for row in rows if row.scenario}:
            if name not in self.known:
                _, made = Scenario.objects.get_or_create(name=name, defaults={"sources": [self.source.lower()]})
                self.known.add(name)
                if made:
                    self.report.scenarios.append(name)
                    self.kinds[name] = set()
            if name in self.kinds:
                self.kinds[name].add(kind)

    def finish(self) -> None:
        """Give the new ones their goals."""
        for name, kinds in self.kinds.items():
            goal = {kind: -1 if kind in NEGATIVE_KINDS else 1 for kind in sorted(kinds) if kind != "impression"}
            Scenario.objects.filter(name=name, goal={}).update(goal=goal)
