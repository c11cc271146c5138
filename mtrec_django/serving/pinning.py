"""Pins as serving reads them: with the news of their scenario, so that they take no query of their own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from django.core.exceptions import FieldError

from ..catalog.pinned import Pinned
from ..catalog.scenarios import declared
from ..exceptions import NotRegistered
from ..retrieval import store
from ..retrieval.filters import keys_of
from ..retrieval.policy import Place
from ..retrieval.statement import Fragment, compose, join
from .complaints import complain

_IN_ADMIN = Fragment(
    "select p.position::int, 0 as code, p.id as number, i.id as item, i.source, i.object_id, p.starts_at, p.ends_at"
    " from mtrec_pin as p join mtrec_item as i on i.id = p.item_id where p.scenario_id = mtrec_scenario.id"
)


def pins() -> Fragment:
    """The pins of a row of `mtrec_scenario` that are not over, as one JSON text: those of the admin before those of
    the code where they want the same place."""
    selects = [_IN_ADMIN]
    for name, scenario in declared().items():
        selects += [_in_code(name, at, pin) for at, pin in enumerate(scenario.pins) if _is_sound(pin)]
    return compose(
        "(select jsonb_agg(jsonb_build_array(position, item, source, object_id, extract(epoch from starts_at),"
        " extract(epoch from ends_at)) order by position, code, number)::text from ({selects}) as p"
        " where ends_at is null or ends_at > now())",
        selects=join(" union all ", selects),
    )


def _is_sound(pin: Pinned) -> bool:
    return not pin.is_over and next(pin.check("Code"), None) is None


def _in_code(name: str, number: int, pin: Pinned) -> Fragment:
    return compose(
        "select {position}::int, 1, {number}::bigint, i.id, i.source, i.object_id, {begins}::timestamptz,"
        " {ends}::timestamptz from mtrec_item as i"
        " where mtrec_scenario.name = {name} and i.source = {label} and i.object_id = {key}",
        position=pin.position,
        number=number,
        begins=pin.starts_at,
        ends=pin.ends_at,
        name=name,
        label=pin.source.label,
        key=_key(pin),
    )


def _key(pin: Pinned) -> str | Fragment | None:
    """The primary key as text, asked of the collection where it is the first of one."""
    if not pin.collection:
        return str(pin.pk)
    try:
        first = pin.first
        keys = keys_of(first, store.database()) if first is not None else None
    except (FieldError, NotRegistered) as error:
        complain(f"the pin at {pin.position} is passed over", error)
        return None
    return compose("(select s.key::text from ({select}) as s(key))", select=keys.select) if keys else None


def places(told: str | None) -> tuple[Place, ...]:
    """What `pins` gave. Where two want the same place, the later one moves on to the next."""
    rows = json.loads(told) if told else []
    return tuple(
        Place(
            int(position),
            int(item),
            label,
            object_id,
            -math.inf if begins is None else float(begins),
            math.inf if ends is None else float(ends),
        )
        for position, item, label, object_id, begins, ends in rows
    )


def in_force(pinned: Iterable[Place], now: float) -> list[Place]:
    """Those that hold now, each item once, in the first of its places."""
    first: dict[int, Place] = {}
    for place in pinned:
        if place.holds(now):
            first.setdefault(place.item, place)
    return list(first.values())
