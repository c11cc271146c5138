"""What moves a visitor's query besides his events: what the site tells of him, and what his friends met last.

Read in the round trip that reads his events, and only where the version learned something from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import numpy as np

from ..conf import DIM
from ..dataset import NEGATIVE_KINDS, Floats
from ..inference.polarity import SILENT
from ..inference.profile import FRIEND_EVENTS, FRIENDS
from ..inference.query import QueryEncoder
from ..retrieval import store
from ..retrieval.statement import Fragment, Rows, compose, literal
from .query import earlier


def statements(
    visitor: Fragment, encoder: QueryEncoder | None, base_id: int | None, until: datetime | None = None
) -> dict[str, Fragment]:
    """What must be read, by name; what friends did as of a moment."""
    if encoder is None or base_id is None:
        return {}
    known = {"user": _features(visitor), "friends": _friends(visitor, base_id, until)}
    return {name: known[name] for name in encoder.asks_about}


def about(encoder: QueryEncoder | None, rows: Mapping[str, Rows]) -> Floats | None:
    """What is added to the visitor's state, from the rows of `statements`. [dim]"""
    if encoder is None or not encoder.asks_about:
        return None
    features = rows["user"][0][0] if rows.get("user") else {}
    features = json.loads(features) if isinstance(features, str) else features
    mean = store.unpack([rows["friends"][0][0]])[0] if rows.get("friends") else np.full(DIM, np.nan, np.float32)
    return encoder.about(features or {}, mean)


def _features(visitor: Fragment) -> Fragment:
    return compose("select features from mtrec_visitor where id = {visitor}", visitor=visitor)


def _friends(visitor: Fragment, base_id: int, until: datetime | None) -> Fragment:
    """SELECT of the mean vector of the strongest friends' last events, as `learning.profiles.friends_of`."""
    return compose(
        "select {mean} from (select other_id from mtrec_relation where visitor_id = {visitor} and weight > 0"
        " order by weight desc, other_id limit {friends}) as r"
        " cross join lateral (select item_id from mtrec_feedback where visitor_id = r.other_id"
        " and kind <> all({no}::text[]){before} order by time desc, id desc limit {events}) as f"
        " join {table} as w on w.version_id = {version} and w.item_id = f.item_id",
        mean=store.packed(Fragment("avg(w.vector)")),
        visitor=visitor,
        friends=literal(FRIENDS),
        before=earlier(until),
        events=literal(FRIEND_EVENTS),
        no=sorted({*NEGATIVE_KINDS, SILENT}),
        table=store.vectors_table(base_id),
        version=Fragment(str(int(base_id))),
    )
