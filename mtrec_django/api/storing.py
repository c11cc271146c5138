"""Events of a request: checked row by row, stored together, reported row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework.request import Request

from ..catalog.item_source import ItemSource
from ..events.tracking import track
from ..events.visitors import visitor_for
from ..exceptions import BadFeedback
from ..models import Recommendation
from .objects import find, source_called
from .problems import problem
from .serializers import FeedbackSerializer

Result = dict[str, Any]


def store(request: Request, rows: Sequence[Any]) -> list[Result]:
    """Store what can be stored, in one transaction, as events of the request's own visitor; one result a row."""
    checked = [FeedbackSerializer(data=row) for row in rows]
    events = {at: one.validated_data for at, one in enumerate(checked) if one.is_valid()}
    results = {at: _rejected(at, one.errors) for at, one in enumerate(checked) if at not in events}
    objects = _objects(events)
    with transaction.atomic():
        strange = _of_others(request, events)
        # In the order of their keys, so that two requests with the same keys wait for each other, not for ever.
        for at in sorted(events, key=lambda at: (events[at]["key"] or "", at)):
            results[at] = _store(request, at, events[at], objects.get(at), strange)
    return [results[at] for at in range(len(rows))]


def _store(request: Request, at: int, event: dict[str, Any], obj: Model | None, strange: set[UUID]) -> Result:
    if obj is None:
        return _rejected(at, {"item": [_("There is no such item.")]})
    if event["recommendation"] in strange:
        return _rejected(at, {"recommendation": [_("There is no such recommendation.")]})
    fields = {name: event[name] for name in ("value", "scenario", "recommendation", "key", "time", "basket")}
    try:
        feedback = track(request, event["kind"], obj, **fields)
    except BadFeedback as error:
        return _rejected(at, {"non_field_errors": [str(error)]})
    return {"index": at, "status": "stored" if feedback is not None else "ignored"}


def _rejected(at: int, errors: Any) -> Result:
    return {"index": at, "status": "rejected", "detail": problem(400, errors)["detail"], "errors": errors}


def _objects(events: dict[int, dict[str, Any]]) -> dict[int, Model]:
    """The object of each event, by one query a model."""
    wanted: dict[ItemSource, dict[int, str]] = defaultdict(dict)
    for at, event in events.items():
        if (source := source_called(event["source"])) is not None:
            wanted[source][at] = event["item"]
    found: dict[int, Model] = {}
    for source, names in wanted.items():
        objects = find(source, names.values())
        found |= {at: objects[name] for at, name in names.items() if name in objects}
    return found


def _of_others(request: Request, events: dict[int, dict[str, Any]]) -> set[UUID]:
    """Recommendations that were made to somebody else: nobody may claim them."""
    named = {event["recommendation"] for event in events.values() if event["recommendation"]}
    if not named:
        return set()
    visitor = visitor_for(request, create=False)
    others = Recommendation.objects.filter(pk__in=named, visitor__isnull=False)
    if visitor is not None:
        others = others.exclude(visitor=visitor)
    return set(others.values_list("pk", flat=True))
