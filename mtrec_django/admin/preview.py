"""What a scenario would show to somebody by one version and by another, beside what that visitor did afterwards.

Nothing is stored of looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ..api.objects import image_url
from ..catalog.registry import source_for
from ..models import Feedback, Item, ModelVersion, Scenario, Visitor
from ..serving.recommendations import Answer
from ..serving.recommender import rehearse
from .events import visitors_called

N = 12
LATEST = 25
BACK = 10
"""Events before which the page offers to look."""
VERSIONS = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says."""

    term: str = ""
    versions: tuple[int | None, ...] = (None,)  # None is the live one
    until: datetime | None = None
    wrong: bool = False
    """Whether something in it made no sense, and was passed over."""

    @classmethod
    def of(cls, given: Mapping[str, str], choices: Iterable[ModelVersion]) -> Asked:
        """Versions that are none of the choices, and moments that are none, are passed over."""
        known = {str(version.pk): version.pk for version in choices}
        a, b, text = (given.get(name, "").strip() for name in ("a", "b", "until"))
        until = _moment(text)
        wrong = bool(text and until is None) or any(name and name not in known for name in (a, b))
        versions = (known.get(a), *([known[b]] if b in known else []))
        return cls(given.get("visitor", "").strip(), versions, until, wrong)

    def chosen(self, at: int) -> int | None:
        """The version of one of the two lists; None for the live one, or for no second list."""
        return self.versions[at] if at < len(self.versions) else None


@dataclass(frozen=True, slots=True)
class Shown:
    """One recommended object."""

    item: Item | None
    title: str
    image: str
    recommendation: Any
    beside: int | None  # its place in the other list, from 1
    met: str  # what the visitor did with it afterwards; empty for nothing


@dataclass(frozen=True, slots=True)
class Column:
    """One list."""

    answer: Answer
    shown: list[Shown]

    @property
    def hits(self) -> int:
        """How many of its items the visitor met afterwards."""
        return sum(bool(one.met) for one in self.shown)


def preview(scenario: Scenario, given: Mapping[str, str]) -> dict[str, Any]:
    """The lists for the visitor that is named; for a guest of whom nothing is known where none is."""
    choices = list(versions_for(scenario)[:VERSIONS])
    asked = Asked.of(given, choices)
    visitor = visitors_called(asked.term).select_related("user").first() if asked.term else None
    context: dict[str, Any] = {"asked": asked, "term": asked.term, "choices": choices, "visitor": visitor}
    context |= {"a": asked.chosen(0), "b": asked.chosen(1)}
    if asked.term and visitor is None:
        return {**context, "unknown": True}
    answers = [rehearse(visitor, scenario.name, N, version=pk, until=asked.until) for pk in asked.versions]
    after = _after(visitor, asked.until) if visitor and asked.until else []
    columns = _columns(answers, after)
    return {
        **context,
        "columns": columns,
        "pictures": any(one.image for column in columns for one in column.shown),
        "after": after,
        "events": _latest(visitor, asked.until) if visitor else [],
        "earlier": _earlier(visitor, given) if visitor else "",
    }


def versions_for(scenario: Scenario) -> QuerySet[ModelVersion]:
    """The versions that could serve a scenario, the newest first."""
    own = Q(scenario=scenario) | Q(kind=ModelVersion.Kind.BASE)
    return ModelVersion.objects.filter(own, status=ModelVersion.Status.READY).select_related("scenario").order_by("-pk")


def _columns(answers: list[Answer], after: list[Feedback]) -> list[Column]:
    lists = [[one.item for one in answer.recommendations] for answer in answers]
    items = Item.objects.defer("text").in_bulk({item for shown in lists for item in shown})
    met = {event.item_id: event.kind for event in after}
    columns = []
    for at, answer in enumerate(answers):
        others = lists[1 - at] if len(lists) == 2 else []
        places = {item: place for place, item in enumerate(others, 1)}
        columns.append(Column(answer, [_shown(obj, items, places, met) for obj in answer]))
    return columns


def _shown(obj: Any, items: Mapping[int, Item], places: Mapping[int, int], met: Mapping[int, str]) -> Shown:
    told = obj.recommendation
    item = items.get(told.item)
    image = image_url(source_for(obj), obj, item.image if item else "")
    return Shown(item, str(item or obj), image, told, places.get(told.item), met.get(told.item, ""))


def _events(visitor: Visitor) -> QuerySet[Feedback]:
    return visitor.feedback.select_related("item", "scenario").defer("item__text")


def _latest(visitor: Visitor, until: datetime | None) -> list[Feedback]:
    rows = _events(visitor)
    return list((rows.filter(time__lt=until) if until else rows).order_by("-time", "-pk")[:LATEST])


def _after(visitor: Visitor, since: datetime) -> list[Feedback]:
    return list(_events(visitor).filter(time__gte=since).order_by("time", "pk")[:LATEST])


def _earlier(visitor: Visitor, given: Mapping[str, str]) -> str:
    """The same page as of before the visitor's last events; empty where he did less."""
    times = visitor.feedback.order_by("-time").values_list("time", flat=True)[: BACK + 1]
    if len(times) < 2:
        return ""
    moment = timezone.localtime(times[min(BACK, len(times) - 1) - 1])
    asked = {name: given[name] for name in ("visitor", "a", "b") if given.get(name)}
    return "?" + urlencode({**asked, "until": f"{moment:%Y-%m-%dT%H:%M:%S}"})


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    if moment is None:
        return None
    moment = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return moment if timedelta() < timezone.now() - moment else None
