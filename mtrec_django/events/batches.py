"""Many events at once, as they come from a browser's queue or another server: one statement, one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from django.db import connections, router, transaction

from ..models import Feedback, Visitor
from ..observing import span
from .tracking import CheckedEvent, key_of


class Outcome(StrEnum):
    """What became of one event."""

    STORED = "stored"
    REPEATED = "repeated"
    """An event of this visitor with this key was there before."""
    GONE = "gone"
    """There is no such visitor, item or scenario any more."""


# As in `tracking`, what an event points to is locked against deletion. Keys are inserted in one order, so that two
# batches with the same keys wait for each other, not for ever; `id` is drawn first, to tell the rows apart.
_INSERT = """
with given as (
    select * from unnest(
        %(visitors)s::bigint[], %(sources)s::text[], %(object_ids)s::text[], %(kinds)s::text[], %(values)s::float8[],
        %(times)s::timestamptz[], %(scenarios)s::text[], %(recommendations)s::uuid[], %(baskets)s::text[],
        %(keys)s::uuid[]
    ) with ordinality as g(visitor, source, object_id, kind, value, time, scenario, recommendation, basket, key, n)
), sound as materialized (
    select g.*, v.id as visitor_id, i.id as item_id,
        coalesce(s.id, (select r.scenario_id from mtrec_recommendation r where r.id = g.recommendation)) as scenario_id
    from given g
    join mtrec_visitor v on v.id = g.visitor
    join mtrec_item i on i.source = g.source and i.object_id = g.object_id
    left join mtrec_scenario s on s.name = g.scenario
    where g.scenario is null or s.id is not null
    order by g.key, g.n
    for key share of v, i
), numbered as materialized (
    select nextval(pg_get_serial_sequence('mtrec_feedback', 'id')) as id, * from sound
), stored as (
    insert into mtrec_feedback
        (id, visitor_id, item_id, kind, value, time, scenario_id, recommendation, basket, key)
    select id, visitor_id, item_id, kind, value, time, scenario_id, recommendation, basket, key
    from numbered order by key, n
    on conflict (key) do nothing
    returning id
)
select n.n, s.id, n.item_id, n.scenario_id from numbered n left join stored s on s.id = n.id
"""


def track_all(events: Sequence[tuple[Visitor, CheckedEvent]]) -> list[Outcome]:
    """Store events of visitors who are known, all or, when this raises, none; says what became of each.

    Objects that no sync has seen become items first.
    """
    using = router.db_for_write(Feedback)
    with span("track"), transaction.atomic(using=using):
        outcomes = _insert(events, using)
        gone = [at for at, outcome in enumerate(outcomes) if outcome is Outcome.GONE]
        if gone and _make_items([events[at][1] for at in gone]):
            for at, outcome in zip(gone, _insert([events[at] for at in gone], using), strict=True):
                outcomes[at] = outcome
    return outcomes


def _make_items(events: Sequence[CheckedEvent]) -> bool:
    """Make the objects items that are none yet; whether there was any."""
    once = {(event.source, event.object_id): event for event in events}
    made = [event.make_item() for event in once.values()]
    return any(made)


def _insert(events: Sequence[tuple[Visitor, CheckedEvent]], using: str) -> list[Outcome]:
    if not events:
        return []
    keys = [key_of(visitor, event.key) if event.key else None for visitor, event in events]
    with connections[using].cursor() as cursor:
        cursor.execute(_INSERT, _columns(events) | {"keys": keys})
        rows = cursor.fetchall()
    outcomes = [Outcome.GONE] * len(events)
    for n, pk, item, scenario in rows:
        outcomes[n - 1] = Outcome.REPEATED if pk is None else Outcome.STORED
        if pk is not None:
            visitor, event = events[n - 1]
            event.announce((pk, item, scenario), visitor, keys[n - 1], using)
    return outcomes


def _columns(events: Sequence[tuple[Visitor, CheckedEvent]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "visitors": [visitor.pk for visitor, _event in events],
        "sources": [event.source for _visitor, event in events],
        "object_ids": [event.object_id for _visitor, event in events],
    }
    for name in ("kind", "value", "time", "scenario", "recommendation", "basket"):
        columns[f"{name}s"] = [event.fields[name] for _visitor, event in events]
    return columns
