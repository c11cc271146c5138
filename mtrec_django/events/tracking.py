"""Single events, as they happen."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connections, router, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from ..catalog.problems import did_you_mean
from ..catalog.registry import source_for
from ..catalog.sync import item_for
from ..exceptions import BadFeedback
from ..models import Feedback, Item, Recommendation, Scenario, Visitor
from ..observing import count_event, span
from ..signals import feedback_received
from .validation import check_basket, check_kind, check_time, check_value
from .visitors import forget, visitor_for

# The rows an event points to are locked against deletion in the same statement: a visitor merged away or an item
# deleted at this moment gives no row here, where a foreign key would break the whole page at its commit.
_INSERT = """
insert into mtrec_feedback (visitor_id, item_id, kind, value, time, scenario_id, recommendation, basket, key)
select v.id, i.id, %(kind)s, %(value)s, %(time)s,
    coalesce(s.id, (select r.scenario_id from mtrec_recommendation r where r.id = %(recommendation)s::uuid)),
    %(recommendation)s::uuid, %(basket)s, %(key)s::uuid
from mtrec_visitor v cross join mtrec_item i left join mtrec_scenario s on s.name = %(scenario)s
where v.id = %(visitor)s and i.source = %(source)s and i.object_id = %(object_id)s
    and (%(scenario)s::text is null or s.id is not null)
for key share of v, i
on conflict (key) do nothing
returning id, item_id, scenario_id
"""


def track(
    request: Any,
    kind: str,
    obj: Model | Item,
    *,
    value: float | None = None,
    scenario: str | Scenario | None = None,
    recommendation: uuid.UUID | str | Recommendation | None = None,
    key: str | None = None,
    time: datetime | None = None,
    basket: str = "",
) -> Feedback | None:
    """Store one event of the visitor behind a request: `track(request, "view", product)`.

    `value` is a rating, a quantity or an amount; `scenario` the place it happened (that of the recommendation, when
    only this is given); with a `key` the same event sent twice counts once. Returns None when nothing may be stored:
    no consent, or no session to know the visitor by. Raises BadFeedback for what is no event and NotRegistered for an
    object whose model is no item source.
    """
    event = CheckedEvent.of(kind, obj, value, scenario, recommendation, key, time, basket)
    visitor = visitor_for(request, create=True)
    if visitor is None:
        return None
    feedback = event.store(visitor)
    if feedback is None:  # the visitor was merged away by a log-in in another tab
        forget(request)
        visitor = visitor_for(request, create=True)
        feedback = event.store(visitor) if visitor else None
    return feedback


def track_visitor(
    visitor: Visitor,
    kind: str,
    obj: Model | Item,
    *,
    value: float | None = None,
    scenario: str | Scenario | None = None,
    recommendation: uuid.UUID | str | Recommendation | None = None,
    key: str | None = None,
    time: datetime | None = None,
    basket: str = "",
) -> Feedback | None:
    """The same for a visitor who is known already; None when visitor or item are gone."""
    return CheckedEvent.of(kind, obj, value, scenario, recommendation, key, time, basket).store(visitor)


def key_of(visitor: Visitor, key: str) -> uuid.UUID:
    """The idempotency key of a visitor's event, the same for a tracked event as for an imported one."""
    digest = hashlib.md5(visitor.key.bytes + key.encode(), usedforsecurity=False)  # what Postgres can do as well
    return uuid.UUID(bytes=digest.digest())


class CheckedEvent:
    """An event that was checked and is not stored yet."""

    def __init__(self, obj: Model | Item, source: str, object_id: str, key: str, fields: dict[str, Any]) -> None:
        self.obj = obj
        self.source = source
        self.object_id = object_id
        self.key = key
        self.fields = fields

    @classmethod
    def of(
        cls, kind: Any, obj: Any, value: Any, scenario: Any, recommendation: Any, key: Any, time: Any, basket: Any
    ) -> CheckedEvent:
        if not isinstance(obj, Model):
            raise BadFeedback(f"{obj!r} is no model instance.")
        if obj.pk is None:
            raise BadFeedback(f"{obj!r} is not saved yet.")
        if isinstance(obj, Item):
            source, object_id = obj.source, obj.object_id
        else:
            source, object_id = source_for(obj).label, str(obj.pk)
        fields = {
            "kind": check_kind(kind),
            "value": check_value(value),
            "time": check_time(time),
            "scenario": scenario.name if isinstance(scenario, Scenario) else scenario or None,
            "recommendation": _uuid(recommendation),
            "basket": check_basket(basket),
        }
        return cls(obj, source, object_id, "" if key is None else str(key), fields)

    def store(self, visitor: Visitor) -> Feedback | None:
        """Write it; an event with this key that was there before is returned as it is."""
        with span("track"):
            return self._store(visitor)

    def _store(self, visitor: Visitor) -> Feedback | None:
        key = key_of(visitor, self.key) if self.key else None
        feedback = self._insert(visitor, key) or (Feedback.objects.filter(key=key).first() if key else None)
        if feedback is None and self.make_item():
            feedback = self._insert(visitor, key)
        if feedback is None and self.fields["scenario"] is not None:
            self._check_scenario()
        return feedback

    def _insert(self, visitor: Visitor, key: uuid.UUID | None) -> Feedback | None:
        parameters = self.fields | {
            "visitor": visitor.pk,
            "source": self.source,
            "object_id": self.object_id,
            "key": key,
        }
        using = router.db_for_write(Feedback)
        with connections[using].cursor() as cursor:
            cursor.execute(_INSERT, parameters)
            row = cursor.fetchone()
        if row is None:
            return None
        return self.announce(row, visitor, key, using)

    def announce(
        self, row: tuple[int, int, int | None], visitor: Visitor, key: uuid.UUID | None, using: str
    ) -> Feedback:
        """What was stored, told to whoever listens once it is committed. The row is its id, item and scenario."""
        count_event(self.fields["kind"])
        own = {name: value for name, value in self.fields.items() if name != "scenario"}
        feedback = Feedback(id=row[0], visitor=visitor, item_id=row[1], scenario_id=row[2], key=key, **own)
        feedback._state.adding = False
        feedback._state.db = using
        signal = partial(feedback_received.send, sender=Feedback, feedback=feedback)
        transaction.on_commit(signal, using=using, robust=True)
        return feedback

    def make_item(self) -> bool:
        """Whether the item had to be made first; true only when that may help."""
        if isinstance(self.obj, Item) or item_for(self.obj) is not None:
            return False
        return item_for(self.obj, create=True) is not None

    def _check_scenario(self) -> None:
        name = self.fields["scenario"]
        known = list(Scenario.objects.values_list("name", flat=True))
        if name not in known:
            raise BadFeedback(
                _("There is no scenario %(name)s.") % {"name": repr(name)} + f" {did_you_mean(str(name), known)}"
            )


def _uuid(recommendation: Any) -> uuid.UUID | None:
    if recommendation is None or recommendation == "":
        return None
    found = getattr(recommendation, "id", recommendation)
    try:
        return found if isinstance(found, uuid.UUID) else uuid.UUID(str(found))
    except ValueError:
        raise BadFeedback(
            _("Recommendation %(recommendation)r is no id.") % {"recommendation": recommendation}
        ) from None
