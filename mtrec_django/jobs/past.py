"""What many visitors did, read together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from ..conf import HISTORY_LENGTH
from ..inference.polarity import SILENT, heard
from ..models import Visitor
from ..retrieval import store
from ..retrieval.statement import Fragment, Rows, compose, read
from ..serving import profile
from ..serving.live import Live
from ..serving.query import History, is_such
from .shelf import Shelf

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]
NOWHERE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Past:
    """What one visitor did."""

    history: History
    seen: Longs  # where the items stand on the shelf that are not to be shown again
    about: Floats | None = None  # what is known of him besides his events [dim]


def pasts(visitors: Sequence[Visitor], place: Live, shelf: Shelf) -> dict[int, Past]:
    """The past of each, by primary key; one round trip."""
    keys = [visitor.pk for visitor in visitors]
    told = profile.statements(_EACH, place.encoder, place.base.id if place.base else None)
    asked = [_last_events(keys), _had(keys, place), *(_of_each(keys, one) for one in told.values())]
    events, had, *besides = read(asked, using=store.database())
    histories = {visitor: list(rows) for visitor, rows in groupby(events, key=lambda row: row[0])}
    seen = {visitor: [row[1] for row in rows] for visitor, rows in groupby(had, key=lambda row: row[0])}
    known: dict[str, dict[int, Any]] = {name: dict(rows) for name, rows in zip(told, besides, strict=True)}
    return {
        key: Past(
            _history(histories.get(key, []), place, shelf),
            _seen(seen.get(key, []), shelf),
            profile.about(place.encoder, {name: [(values[key],)] for name, values in known.items()}),
        )
        for key in keys
    }


_EACH = Fragment("v.id")
"""The visitor of a row of `_of_each`."""


def _of_each(visitors: Sequence[int], select: Fragment) -> Fragment:
    """SELECT of the one value that a statement about `_EACH` gives for each of many."""
    return compose(
        "select v.id, ({select}) from unnest({visitors}::bigint[]) as v(id)", select=select, visitors=list(visitors)
    )


def _history(rows: Rows, place: Live, shelf: Shelf) -> History:
    if not rows:
        return History()
    _visitors, items, kinds, values, ages, places = zip(*rows, strict=True)
    at = shelf.positions(items)
    known = at.tolist()
    return History(
        items,
        tuple(heard(kind, value, place.low) for kind, value in zip(kinds, values, strict=True)),
        tuple(shelf.titles[row] if row >= 0 else "" for row in known),
        ages,
        tuple(where == place.scenario.pk for where in places),
        np.where((at >= 0)[:, None], shelf.vectors[at], np.float32(np.nan)),
        tuple(shelf.neighbours[row] if row >= 0 else None for row in known),
        shelf.written(at),
    )


def _seen(items: Sequence[int], shelf: Shelf) -> Longs:
    at = shelf.positions(items) if items else NOWHERE
    return at[at >= 0]


def _last_events(visitors: Sequence[int]) -> Fragment:
    """`serving.query.last_events` of many, without what the shelf has."""
    return compose(
        "select v.id, f.item_id, f.kind, f.value, greatest(0, extract(epoch from now() - f.time))::float8,"
        " f.scenario_id from unnest({visitors}::bigint[]) as v(id)"
        " cross join lateral (select id, item_id, kind, value, time, scenario_id from mtrec_feedback"
        " where visitor_id = v.id and kind <> {silent} order by time desc, id desc limit {length}) as f"
        " order by v.id, f.time desc, f.id desc",
        visitors=list(visitors),
        silent=SILENT,
        length=HISTORY_LENGTH,
    )


def _had(visitors: Sequence[int], place: Live) -> Fragment:
    """`serving.query.had` of many."""
    return compose(
        "select distinct visitor_id, item_id from mtrec_feedback where visitor_id = any({visitors}::bigint[])"
        " and {is_such} order by visitor_id",
        visitors=list(visitors),
        is_such=is_such(place.exclude, place.refused),
    )
