"""Lists for many visitors at once, as for e-mails: the same candidates, ranking and rules as `recommend`.

What one answer asks of the database for itself is asked here for a chunk of visitors together. A policy that asks
something else of each visitor (a scored source, rotation) is answered one visitor at a time, by `recommend_for`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Unpack

from django.db.models import QuerySet

from ..catalog.registry import source_for
from ..inference.blend import PERSONAL, POPULAR, TOGETHER
from ..models import Visitor
from ..retrieval.policy import Rules, read_options
from ..serving import live
from ..serving.live import Live
from ..serving.question import Question
from ..serving.recommender import recommend_for
from ..serving.splitting import identity_of_visitor
from .crowd import Crowd, Listed, VisitorList
from .shelf import shelf

CHUNK = 2000
"""Visitors whose lists are made together."""
TOGETHER_MADE = frozenset({PERSONAL, TOGETHER, POPULAR})
"""The candidate sources that are asked for a whole chunk."""


def recommend_batch(
    scenario: str,
    visitors: QuerySet[Visitor] | None = None,
    n: int = 10,
    *,
    queryset: QuerySet[Any] | None = None,
    chunk: int = CHUNK,
    **rules: Unpack[Rules],
) -> Iterator[VisitorList]:
    """The list of each visitor, by primary key; all visitors unless some are given. Nothing is stored.

    Args:
        queryset: what may be shown, as for `recommend`.
        chunk: how many lists are made together.
        rules: what is other than the scenario says.

    Raises:
        NotRegistered: when there is no such scenario, or the queryset's model is no item source.
        BadRule: for a rule that makes no sense.
    """
    read_options(rules)
    live.latest(scenario)
    stamp, some, last = uuid.uuid4().hex, Visitor.objects.all() if visitors is None else visitors, 0
    while found := list(some.filter(pk__gt=last).order_by("pk")[:chunk]):
        last = found[-1].pk
        yield from lists_of(found, scenario, n, stamp=stamp, queryset=queryset, rules=rules)


def lists_of(
    visitors: Sequence[Visitor],
    scenario: str,
    n: int,
    *,
    stamp: str,
    queryset: QuerySet[Any] | None = None,
    rules: Rules,
) -> list[VisitorList]:
    """The lists of these visitors, in their order; each in his arm where an experiment is running.

    `stamp` names the batch: within one, the items of a version are read once a process.
    """
    place = live.latest(scenario)
    changes = read_options(rules)
    arms: dict[str, tuple[Live, list[Visitor]]] = {}
    for visitor in visitors:
        mine = place.of(identity_of_visitor(visitor))
        arms.setdefault(mine.arm, (mine, []))[1].append(visitor)
    made: dict[int, VisitorList] = {}
    for mine, some in arms.values():
        question = Question(mine, n, queryset=queryset, changes=changes)
        if _is_made_together(question):
            crowd = Crowd(question, shelf(mine.base.id if mine.base else 0, stamp, mine.width))
            made |= {one.visitor: one for one in crowd.lists(some)}
    alone = [visitor for visitor in visitors if visitor.pk not in made]
    made |= {one.pk: _alone(one, scenario, n, queryset, rules) for one in alone}
    return [made[visitor.pk] for visitor in visitors]


def _is_made_together(question: Question) -> bool:
    place = question.live
    policy = question.policy(place)
    if place.base is None or place.encoder is None:
        return False
    ready = place.scenario.enabled and question.n > 0
    return ready and set(policy.candidates) <= TOGETHER_MADE and policy.rotation is None


def _alone(visitor: Visitor, scenario: str, n: int, queryset: QuerySet[Any] | None, rules: Rules) -> VisitorList:
    answer = recommend_for(visitor, scenario, n, queryset=queryset, **rules)
    items = [
        Listed(one.item, source_for(one.obj).label, str(one.obj.pk), one.score, one.source, one.reason, one.because)
        for one in answer.recommendations
    ]
    return VisitorList(visitor.pk, visitor.user_id, answer.version, answer.arm, items)
