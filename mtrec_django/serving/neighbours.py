"""Visitors like another: those who met the same items of late, rare ones above all.

Nothing is stored for it. Vectors of visitors would be one more profile of everybody, to be kept fresh and to be erased;
the events that are there anyway answer in one statement, whose work is bounded on every side.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..conf import HISTORY_LENGTH
from ..models import Visitor
from ..retrieval import store
from ..retrieval.statement import compose, read
from .query import SILENT

CROWD = 200
"""The latest events of an item that are looked at: who else met it. A crowd says little of anybody in it."""
TRIED = 200
"""Visitors whose own history is looked at, by what they share."""
SHARED = 2
"""Items that two must share; one is chance, and would tell who met that item."""
DAYS = 90
"""How long ago it may have been."""

# Adamic & Adar (2003): what two share counts by how few share it. Divided by the sizes of both histories, as a cosine.
_SELECT = """
with mine as (
    select distinct item_id from (
        select item_id from mtrec_feedback where visitor_id = {visitor} and kind <> {silent}
        order by time desc, id desc limit {length}
    ) as latest
), met as (
    select mine.item_id, others.visitor_id, count(*) over (partition by mine.item_id) as crowd
    from mine cross join lateral (
        select distinct visitor_id from (
            select visitor_id, kind from mtrec_feedback
            where item_id = mine.item_id and time > now() - make_interval(days => {days})
            order by time desc limit {crowd}
        ) as latest where visitor_id <> {visitor} and kind <> {silent}
    ) as others
), like_it as (
    select visitor_id, count(*) as shared, sum(1 / ln(1 + crowd)) as weight from met
    group by visitor_id having count(*) >= {least} order by weight desc, visitor_id limit {tried}
)
select like_it.visitor_id, shared, (weight / sqrt((select count(*) from mine) * theirs.items))::float8 as likeness
from like_it cross join lateral (
    select count(distinct item_id) as items from (
        select item_id from mtrec_feedback where visitor_id = like_it.visitor_id and kind <> {silent}
        order by time desc limit {length}
    ) as latest
) as theirs
order by likeness desc, like_it.visitor_id limit {n}
"""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A visitor like another."""

    visitor: Visitor
    shared: int
    """Items of late that both met."""
    likeness: float
    """Comparable between the neighbours of one visitor only."""


def similar_visitors(visitor: Visitor, n: int = 10) -> list[Neighbour]:
    """The n visitors most like one, the most alike first; fewer where fewer share two items with him."""
    statement = compose(
        _SELECT,
        visitor=visitor.pk,
        silent=SILENT,
        length=HISTORY_LENGTH,
        days=DAYS,
        crowd=CROWD,
        least=SHARED,
        tried=max(TRIED, n),
        n=n,
    )
    (rows,) = read([statement], using=store.database())
    found = Visitor.objects.in_bulk([pk for pk, _shared, _likeness in rows])
    return [Neighbour(found[pk], shared, likeness) for pk, shared, likeness in rows if pk in found]
