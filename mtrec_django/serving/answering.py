"""From a question to its answer: candidates, ranking, rules, and the site's own objects.

At most four queries: what the visitor did (with whatever news of versions there is), the candidates with all that is
known of them, the objects, whose availability is asked at this very moment; the fourth only for a list still short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import DataError, InternalError, OperationalError, ProgrammingError

from ..catalog.registry import source_for
from ..inference.blend import FRESH, PERSONAL, TOGETHER, VECTOR_CANDIDATES, Blend
from ..retrieval import store
from ..retrieval.candidates import COUNTS, Ask
from ..retrieval.filters import keys_of
from ..retrieval.policy import Policy
from ..retrieval.ranking import Ranking, rank
from ..retrieval.rules import at_most
from ..retrieval.search import Candidates, statement
from ..retrieval.search import read as read_candidates
from ..retrieval.statement import read
from .complaints import complain
from .question import Known, Question, ask_visitor, without_version
from .reasons import explain
from .recommendations import Answer, Recommendation

SPARE = 2
"""Objects fetched beyond n, for those that were sold out since the last sync."""
SIMILAR = Blend({PERSONAL: 1.0, TOGETHER: 0.3}, decay=1.0)
"""How similar items are ranked: by likeness, and by what goes with the item."""
UNAVAILABLE = (ProgrammingError, OperationalError, DataError, InternalError)
"""What a database without vectors, a missing partition, a version of another width or a broken transaction raise."""


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates and the order in which they should be shown."""

    candidates: Candidates
    ranking: Ranking
    order: npt.NDArray[np.int64]

    @property
    def picks(self) -> list[Pick]:
        """Each candidate, the best first."""
        return [(self, at) for at in self.order.tolist()]


Pick = tuple[Found, int]


def answer(question: Question, *, consent: bool) -> Answer:
    """The objects, best first. Falls back to counts where the version cannot be used, and says so once."""
    told = _told(question)
    found = None
    silent = question.n < 1 or not told.live.scenario.enabled or not question.labels(told.live)
    if told.live.base is not None and not silent:
        try:
            found = _search(question, told)
        except UNAVAILABLE as error:
            told = _give_up_version(told, error)
    place = told.live.scenario
    made = Answer(
        scenario="" if question.only else place.name,
        title="" if question.only else place.title,
        version=told.live.version_id,
        arm=told.live.arm,
        visitor=told.visitor,
        context=told.on_page.id if told.on_page else None,
        consent=consent,
    )
    if silent:
        return made
    picks = found.picks if found else []
    counted = len(picks) < question.n
    if counted:
        picks = [*picks, *_search_counts(question, told, picks)]
    _add(made, question, told, picks)
    if len(made) < question.n and not counted:  # much was sold out since the last sync
        _add(made, question, told, _search_counts(question, told, picks))
    made.short = len(made) < question.n
    return made


def _told(question: Question) -> Known:
    told = Known(question.live)
    if question.live.base is not None:
        try:
            return ask_visitor(question, question.live)
        except UNAVAILABLE as error:
            told = _give_up_version(told, error)
    try:
        return ask_visitor(question, told.live)
    except UNAVAILABLE as error:
        complain("visitors are not known", error)
        return told


def _give_up_version(told: Known, error: Exception) -> Known:
    complain(f"{told.live.scenario.name or 'similar items'} served without version {told.live.version_id}", error)
    return Known(without_version(told.live), told.visitor, seen=told.seen, on_page=told.on_page)


def _search(question: Question, told: Known) -> Found:
    """Candidates by vector, by what goes with the history, and by popularity, ranked as the version learned."""
    live = told.live
    blend = SIMILAR if question.similar or live.blend is None else live.blend
    policy = question.policy(live)
    names = (PERSONAL, TOGETHER) if question.similar else policy.candidates
    ask = Ask(
        live.scenario.pk,
        told.allowed(question, [question.keys] if question.keys else [], flagged=True),
        question.n + SPARE,
        version_id=live.base.id if live.base else None,
        query=told.query(similar=question.similar),
        history=told.history.items,
        weights=blend.history_weights(told.history.kinds, np.array(told.history.here, np.bool_)).tolist(),
        narrow=told.narrow,
        with_items=bool(policy.at_most) or bool(blend.weights.get(FRESH)),
    )
    settings = store.search_settings(max(VECTOR_CANDIDATES, ask.n))
    (rows,) = read([statement(ask, names)], using=store.database(), settings=settings)
    found = read_candidates(rows, names)
    return _ruled(policy, found, rank(found, blend))


def _search_counts(question: Question, told: Known, beside: list[Pick]) -> list[Pick]:
    """What is left, by counts and age, among what the site says is available at this moment."""
    try:
        labels = question.labels(told.live)
        keys = [keys_of(source_for(label).available(), store.database(), wide=True) for label in labels]
        keys += [question.keys] if question.keys else []
        had = [int(found.candidates.items[at]) for found, at in beside]
        allowed = told.allowed(question, keys, flagged=False, beside=had)
        limited = bool(question.policy(told.live).at_most)
        ask = Ask(told.live.scenario.pk, allowed, question.n, narrow=told.narrow, with_items=limited)
        (rows,) = read([statement(ask, COUNTS)], using=store.database())
    except UNAVAILABLE as error:
        complain("nothing can be recommended", error)
        return []
    found = read_candidates(rows, COUNTS)
    ranking = rank(found, None)
    if beside:  # what completes a list never scores above what it completes
        last = min(float(one.ranking.scores[at]) for one, at in beside)
        ranking = replace(ranking, scores=ranking.scores - ranking.scores.max(initial=0) + last - 1)
    return _ruled(question.policy(told.live), found, ranking).picks


def _ruled(policy: Policy, found: Candidates, ranking: Ranking) -> Found:
    limits = policy.at_most
    return Found(found, ranking, at_most(ranking.order, found.categories, limits) if limits else ranking.order)


def _add(made: Answer, question: Question, told: Known, picks: list[Pick]) -> None:
    """Fill the answer, in order, with the objects that are available now."""
    begin, size = 0, question.n - len(made) + SPARE
    while len(made) < question.n and begin < len(picks):
        chunk = picks[begin : begin + size]
        objects = _objects(question, [(one.candidates.labels[at], one.candidates.object_ids[at]) for one, at in chunk])
        for (found, at), obj in zip(chunk, objects, strict=True):
            if obj is not None and len(made) < question.n:
                _attach(obj, made, told, found, at)
                made.append(obj)
        begin, size = begin + size, len(picks)


def _objects(question: Question, wanted: Sequence[tuple[str, str]]) -> list[Any | None]:
    """The site's objects, None where one may not be shown any more."""
    there: dict[tuple[str, str], Any] = {}
    for label in dict.fromkeys(label for label, _object_id in wanted):
        ids = [object_id for of, object_id in wanted if of == label]
        shown = source_for(label).available()
        if question.queryset is not None and question.keys is not None and not question.keys.fixed:
            shown = question.queryset.filter(pk__in=shown.values("pk"))
        there |= {(label, str(obj.pk)): obj for obj in shown.filter(pk__in=ids)}
    return [there.get(key) for key in wanted]


def _attach(obj: Any, made: Answer, told: Known, found: Found, at: int) -> None:
    on_page = told.on_page.id if told.on_page else None
    reason = explain(found.candidates, found.ranking, at, told.history, on_page=on_page)
    obj.recommendation = Recommendation(
        id=made.id,
        item=int(found.candidates.items[at]),
        position=len(made),
        score=round(float(found.ranking.scores[at]), 6),
        source=reason.source,
        reason=reason.sentence,
        because=reason.because,
        scenario=made.scenario,
        version=made.version,
        obj=obj,
    )
