"""Candidates from what other visitors want: those one knows, and those who met the same items."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .candidates import Ask, CandidateSource
from .statement import Fragment, compose, literal

PEOPLE = "people"
VISITORS = "visitors"

RELATIONS = 100
"""The closest so many people are asked."""
EVENTS = 50
"""The last so many events of each."""
HALF_LIFE_DAYS = 30.0
ANCHORS = 20
"""Items of the history by which similar visitors are found."""
MET_BY = 50
"""Visitors who met each of them last."""
PEERS = 30
"""Similar visitors that are asked."""


class People(CandidateSource):
    """What those want whom the visitor knows, by weight of the relation and age of the event."""

    name = PEOPLE
    reason = _("From people you know")
    scored = True
    whole = True

    def select(self, ask: Ask) -> Fragment | None:
        if ask.visitor is None or not ask.goal:
            return None
        known = compose(
            "select other_id as visitor_id, weight from mtrec_relation where visitor_id = {visitor} and weight > 0"
            " order by weight desc, other_id limit {most}",
            visitor=ask.visitor,
            most=literal(RELATIONS),
        )
        return ask.first(_wanted_by(known, ask), self.limit, scored=True)


class Visitors(CandidateSource):
    """What those want who met the same items, the more of them the more."""

    name = VISITORS
    reason = _("Liked by visitors like you")
    scored = True
    whole = True

    def select(self, ask: Ask) -> Fragment | None:
        if not len(ask.history) or not ask.goal:
            return None
        peers = compose(
            "select visitor_id, count(*)::float8 as weight from unnest({items}::bigint[]) as h(item_id)"
            " cross join lateral (select distinct visitor_id from (select visitor_id from mtrec_feedback"
            " where item_id = h.item_id and kind = any({kinds}::text[]) order by time desc limit {met}) as f) as met"
            " where visitor_id is distinct from {visitor}::bigint"
            " group by visitor_id order by 2 desc, 1 limit {peers}",
            items=list(dict.fromkeys(ask.history))[:ANCHORS],
            kinds=list(ask.goal),
            met=literal(MET_BY),
            visitor=ask.visitor,
            peers=literal(PEERS),
        )
        return ask.first(_wanted_by(peers, ask), self.limit, scored=True)


def _wanted_by(visitors: Fragment, ask: Ask) -> Fragment:
    """A ranking of what visitors did last, by the visitor's weight, the worth of the event and its age."""
    return compose(
        "select f.item_id, sum(p.weight * g.weight * power(0.5, least(1000, f.days / {half_life}))) as strength,"
        " -1 as partner from ({visitors}) as p"
        " cross join lateral (select item_id, kind, greatest(0, extract(epoch from now() - time)::float8 / 86400)"
        " as days from mtrec_feedback where visitor_id = p.visitor_id order by time desc limit {events}) as f"
        " join unnest({kinds}::text[], {worth}::float8[]) as g(kind, weight) on g.kind = f.kind group by f.item_id",
        half_life=HALF_LIFE_DAYS,
        visitors=visitors,
        events=literal(EVENTS),
        kinds=list(ask.goal),
        worth=list(ask.goal.values()),
    )
