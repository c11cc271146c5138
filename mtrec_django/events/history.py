"""Whole histories: a site's own past events, streamed into the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice
from time import time as now
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import slugify

from ..catalog.item_source import ItemSource
from ..catalog.paths import resolve
from ..catalog.registry import sources
from ..catalog.sync import CHUNK, Progress, chunks
from ..dataset import NEGATIVE_KINDS
from ..exceptions import BadFeedback
from ..models import Scenario
from .pseudonyms import rekey
from .staging import Row, analyze, store
from .validation import CLOCK_SKEW, check_basket, check_kind, check_value, storable

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
    """What makes the event one of its visitor's; with the same key it is not counted beside one that was tracked.
    Without it all fields together do."""
    basket: str = ""
    source: str | None = None
    """Label of the object's model, where a history has events on several."""


@dataclass
class ImportReport:
    """What an import did; nothing that was read is missing from it: read = imported + skipped."""

    read: int = 0
    imported: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # cause -> rows
    examples: dict[str, list[str]] = field(default_factory=dict)  # cause -> a few of its rows
    items: int = 0  # new or changed
    users: int = 0  # new or changed
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
    total: int = 0,
    report: ImportReport | None = None,
) -> ImportReport:
    """Store a history on the items of one source, in chunks of their own transactions; memory does not grow with it.

    `object_id` is the primary key of the site's object, or the value of its field `lookup`. Visitors and scenarios that
    are missing are made, and items whose object exists. A second import of the same events adds nothing: they are
    counted as duplicates, as any event that is there already. `total` is for the progress only; 0 is unknown.
    """
    report = report or ImportReport()
    rekey()
    scenarios = _Scenarios(report)
    stream = iter(events)
    while chunk := list(islice(stream, EVENTS_PER_CHUNK)):
        report.read += len(chunk)
        rows = list(_usable(chunk, source.lower(), report))
        if lookup != "pk":
            rows = _looked_up(rows, lookup, report)
        scenarios.prepare(rows)
        store(rows, report)
        if progress:
            progress("Importing events", report.read, total)
    scenarios.finish()
    if report.imported:
        analyze()
    return report


def _usable(events: list[Event], source: str, report: ImportReport) -> Iterator[Row]:
    latest = now() + CLOCK_SKEW.total_seconds()
    for event in events:
        row = _row(event, source, latest)
        if isinstance(row, Row):
            yield row
        else:
            report.skip(row, event)


def _row(event: Event, source: str, latest: float) -> Row | str:
    """An event as a row of the staging table, or the cause why it cannot be used."""
    cause = "bad kind"
    try:
        kind = check_kind(event.kind)
        cause = "bad number"
        value = check_value(event.value)
        cause = "bad basket"
        basket = check_basket(event.basket)
    except BadFeedback:
        return cause
    time = _seconds(event.time)
    if time is None or time < 0:
        return "bad time"
    if time > latest:
        return "future time"
    scenario = _slug(event.scenario)
    if scenario is None:
        return "bad scenario"
    user, visitor = _text(getattr(event.user, "pk", event.user)), _text(event.visitor)
    if not (user or visitor) or len(visitor) > 255:
        return "bad visitor"
    return Row(
        source=event.source.lower() if event.source else source,
        object_id=_text(event.object_id),
        user=user,
        visitor="" if user else visitor,
        kind=kind,
        value=value,
        time=time,
        scenario=scenario,
        basket=basket,
        key=_text(event.key),
    )


def _seconds(time: Any) -> float | None:
    try:
        if isinstance(time, datetime):
            return (timezone.make_aware(time) if timezone.is_naive(time) else time).timestamp()
        seconds = check_value(time)
    except (BadFeedback, OverflowError):
        return None
    return seconds


@lru_cache(maxsize=1000)
def _slug(name: str | None) -> str | None:
    """The name of a scenario; empty for none, None for what cannot be one."""
    return (slugify(name)[:64] or None) if name else ""


def _text(value: Any) -> str:
    return "" if value is None else storable(str(value))


def _looked_up(rows: list[Row], lookup: str, report: ImportReport) -> list[Row]:
    """The same rows with primary keys in place of lookup values."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        wanted.setdefault(row.source, set()).add(row.object_id)
    keys: dict[tuple[str, str], str] = {}
    for label in wanted.keys() & sources().keys():
        keys |= {(label, value): pk for value, pk in _primary_keys(sources()[label], lookup, wanted[label])}
    kept = []
    for row in rows:
        if pk := keys.get((row.source, row.object_id)):
            kept.append(row._replace(object_id=pk))
        else:
            report.skip("unknown item", row.object_id)
    return kept


def _primary_keys(source: ItemSource, lookup: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    field = resolve(source.model, lookup).leaf
    typed: dict[Any, str] = {}
    for value in sorted(values):
        try:
            typed[field.to_python(value)] = value
        except ValidationError:  # text where the column has numbers: no such object
            continue
    queryset = source.model._default_manager.order_by(
        "-pk"
    )  # where several share a value, the first comes last and counts
    for some in chunks(typed, CHUNK):
        for found, pk in queryset.filter(**{f"{lookup}__in": some}).values_list(lookup, "pk"):
            yield typed.get(found, str(found)), str(pk)


class _Scenarios:
    """Makes the scenarios that events name; their goal is every positive kind seen there, each counting one."""

    def __init__(self, report: ImportReport) -> None:
        self.report = report
        rows = Scenario.objects.values_list("name", "goal", "declared")
        # One without goal that no code declares was left behind by an import that was killed.
        self.known = {name for name, goal, declared in rows if goal or declared}
        self.seen: dict[str, set[tuple[str, str]]] = {}  # name -> kinds, each with the source of its item

    def prepare(self, rows: Iterable[Row]) -> None:
        """Make what these rows name."""
        for name, kind, source in {(row.scenario, row.kind, row.source) for row in rows}:
            if name and name not in self.known:
                if name not in self.seen and Scenario.objects.get_or_create(name=name)[1]:
                    self.report.scenarios.append(name)
                self.seen.setdefault(name, set()).add((kind, source))

    def finish(self) -> None:
        """Give the new ones their goals."""
        for name, seen in self.seen.items():
            kinds = sorted({kind for kind, _ in seen} - {"impression"})
            goal = {kind: -1 if kind in NEGATIVE_KINDS else 1 for kind in kinds}
            Scenario.objects.filter(name=name, goal={}).update(
                goal=goal, sources=sorted({source for _, source in seen})
            )
