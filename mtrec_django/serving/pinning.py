"""Pins as serving reads them: with the news of their scenario, so that they take no query of their own."""

from __future__ import annotations

import json
import math

from ..retrieval.policy import Place
from ..retrieval.statement import Fragment

PINS = Fragment(
    "(select jsonb_agg(jsonb_build_array(p.position, i.id, i.source, i.object_id, extract(epoch from p.starts_at),"
    " extract(epoch from p.ends_at)) order by p.position, p.id)::text from mtrec_pin as p"
    " join mtrec_item as i on i.id = p.item_id where p.scenario_id = mtrec_scenario.id"
    " and (p.ends_at is null or p.ends_at > now()))"
)
"""The pins of a row of `mtrec_scenario` that are not over, as one JSON text."""


def places(told: str | None) -> tuple[Place, ...]:
    """What `PINS` gave. Where two want the same place, the one that was made later moves on to the next."""
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
