"""Events of a request: checked row by row, stored together, reported row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from ..catalog.item_source import ItemSource
from ..events.batches import Outcome, track_all
from ..events.tracking import CheckedEvent
from ..events.visitors import consents, forget, visitor_for
from ..exceptions import BadFeedback
from ..models import Recommendation, Scenario, Visitor
from .acting import Name, is_server, named, require_acting
from .objects import find, source_called
from .problems import problem
from .serializers import FeedbackSerializer

Result = dict[str, Any]
Event = dict[str, Any]

_FIELDS = ("value", "scenario", "recommendation", "key", "time", "basket")


def store(request: Request, rows: Sequence[Any]) -> list[Result]:
    """Store what can be stored, in one transaction, and say of each row what became of it.

    Raises:
        PermissionDenied: when an event names a visitor and the caller may not.
    """
    return Batch(request, rows).store()


class Batch:
    """The rows of one request. Those without a result are still good."""

    def __init__(self, request: Request, rows: Sequence[Any]) -> None:
        self.request = request
        self.results: list[Result | None] = [None] * len(rows)
        self.events: dict[int, Event] = {}
        reader = FeedbackSerializer()
        for at, row in enumerate(rows):
            try:
                self.events[at] = reader.run_validation(row)
            except ValidationError as error:
                self.reject(at, error.detail)

    def store(self) -> list[Result]:
        """All of it."""
        names = [event["visitor"] for event in self.events.values() if "visitor" in event]
        if names:
            require_acting(self.request)
        if not consents(self.request):
            for at in self.events:
                self.tell(at, "ignored")
        elif checked := self._check():
            with transaction.atomic():
                self._write(checked, named(self.request, names, create=True) if names else {})
        return [result for result in self.results if result is not None]

    def tell(self, at: int, status: str) -> None:
        """Say what became of a row."""
        self.results[at] = {"index": at, "status": status}

    def reject(self, at: int, errors: Any) -> None:
        """Say what is wrong with a row."""
        errors = errors if isinstance(errors, dict) else {"non_field_errors": errors}
        detail = problem(400, errors)["detail"]
        self.results[at] = {"index": at, "status": "rejected", "detail": detail, "errors": errors}
        self.events.pop(at, None)

    def _check(self) -> dict[int, CheckedEvent]:
        """The events on objects that are, in scenarios that are."""
        objects, scenarios = self._objects(), self._scenarios()
        checked: dict[int, CheckedEvent] = {}
        for at, event in list(self.events.items()):
            if at not in objects:
                self.reject(at, {"item": [_("There is no such item.")]})
            elif event["scenario"] and event["scenario"] not in scenarios:
                self.reject(at, {"scenario": [_("There is no scenario %(name)s.") % {"name": event["scenario"]}]})
            else:
                try:
                    checked[at] = CheckedEvent.of(event["kind"], objects[at], *(event[name] for name in _FIELDS))
                except BadFeedback as error:
                    self.reject(at, {"non_field_errors": [str(error)]})
        return checked

    def _write(self, checked: dict[int, CheckedEvent], by_name: dict[Name, Visitor]) -> None:
        visitors = {at: visitor for at in checked if (visitor := self._visitor(at, by_name)) is not None}
        for at in _claimed(self.events, visitors):
            self.reject(at, {"recommendation": [_("There is no such recommendation.")]})
            del visitors[at]
        gone = self._track({at: (visitor, checked[at]) for at, visitor in visitors.items()})
        if gone and (own := self._own_again()) is not None:
            gone = self._track({at: (own, checked[at]) for at in gone if "visitor" not in self.events[at]})
        for at in gone:
            self.reject(at, {"non_field_errors": [_("The visitor or the item is gone.")]})

    def _visitor(self, at: int, by_name: dict[Name, Visitor]) -> Visitor | None:
        """Whose event it is; where it is nobody's, the row is told so."""
        name = self.events[at].get("visitor")
        if name is not None:
            if name not in by_name:
                self.reject(at, {"visitor": [_("There is no such visitor.")]})
            return by_name.get(name)
        if is_server(self.request):
            self.reject(at, {"visitor": [_("A server says whose event it is.")]})
            return None
        own = visitor_for(self.request, create=True)
        if own is None:
            self.tell(at, "ignored")
        return own

    def _track(self, events: dict[int, tuple[Visitor, CheckedEvent]]) -> list[int]:
        """Store them; the rows whose visitor or item is gone."""
        outcomes = dict(zip(events, track_all(list(events.values())), strict=True))
        for at, outcome in outcomes.items():
            self.tell(at, outcome.value)
        return [at for at, outcome in outcomes.items() if outcome is Outcome.GONE]

    def _own_again(self) -> Visitor | None:
        """The caller, where a log-in in another tab has merged away who it was a moment ago."""
        before = visitor_for(self.request)
        forget(self.request)
        now = visitor_for(self.request, create=True)
        return now if now != before else None

    def _objects(self) -> dict[int, Model]:
        """The object of each event, by one query a model."""
        wanted: dict[ItemSource, dict[int, str]] = defaultdict(dict)
        for at, event in self.events.items():
            if (source := source_called(event["source"])) is not None:
                wanted[source][at] = event["item"]
        found: dict[int, Model] = {}
        for source, names in wanted.items():
            objects = find(source, names.values())
            found |= {at: objects[name] for at, name in names.items() if name in objects}
        return found

    def _scenarios(self) -> set[str]:
        """Those of the scenarios named that are."""
        wanted = {event["scenario"] for event in self.events.values() if event["scenario"]}
        return set(Scenario.objects.filter(name__in=wanted).values_list("name", flat=True)) if wanted else set()


def _claimed(events: dict[int, Event], visitors: dict[int, Visitor]) -> list[int]:
    """The events that claim a recommendation that was made to somebody else: nobody may."""
    claims = {at: events[at]["recommendation"] for at in visitors if events[at]["recommendation"]}
    if not claims:
        return []
    made_to = dict(
        Recommendation.objects.filter(pk__in=set(claims.values()), visitor__isnull=False).values_list("pk", "visitor")
    )
    return [at for at, answer in claims.items() if made_to.get(answer, visitors[at].pk) != visitors[at].pk]
