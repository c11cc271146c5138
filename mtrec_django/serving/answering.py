"""From a question to its answer: candidates, ranking, rules, and the site's own objects.

At most four queries: what the visitor did (with whatever news of versions there is), the candidates with all that is
known of them, the objects, whose availability is asked at this very moment; the fourth only for a list still short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from django.db import DataError, InternalError, OperationalError, ProgrammingError

from ..catalog.registry import source_for
from ..inference.blend import FRESH, PERSONAL, TOGETHER, Blend
from ..observing import observed, span
from ..retrieval import store
from ..retrieval.candidates import Ask
from ..retrieval.collections import keys_in
from ..retrieval.filters import Keys, keys_of
from ..retrieval.found import Candidates
from ..retrieval.gathering import gather
from ..retrieval.policy import Policy
from ..retrieval.ranking import rank, with_sources
from ..retrieval.search import Search, is_ours
from ..retrieval.sources import COUNTS
from ..retrieval.statement import read
from .complaints import complain
from .filling import SPARE, Filling
from .picking import Found, Pick, ruled
from .query import History
from .question import Known, Question, ask_visitor, without_version
from .recommendations import Answer

Floats = npt.NDArray[np.float32]

SIMILAR = Blend({PERSONAL: 1.0, TOGETHER: 0.3}, decay=1.0)
"""How similar items are ranked: by likeness, and by what goes with the item."""
UNAVAILABLE = (ProgrammingError, OperationalError, DataError, InternalError)
"""What a database without vectors, a missing partition, a version of another width or a broken transaction raise."""


@observed
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
        before=question.shown,
    )
    if silent:
        return made
    _fill(Filling(question, told, made), found.picks if found else [])
    made.short = len(made) < question.n
    return made


def _fill(filling: Filling, picks: Sequence[Pick]) -> None:
    question, told = filling.question, filling.told
    counted = len(picks) < question.n and not _is_final(question, told)
    if counted:
        picks = [*picks, *_search_counts(question, told, picks)]
    filling.add(picks)
    if not filling.full and not counted and not _is_final(question, told):  # much was sold out since the last sync
        filling.add(_search_counts(question, told, picks))
    filling.close()


def _is_final(question: Question, told: Known) -> bool:
    """Whether a list is rather short than completed with what nobody says is near."""
    return question.policy(told.live).minimum is not None and _is_known(question, told)


def _is_known(question: Question, told: Known) -> bool:
    """Whether there is something that items could be near to."""
    return told.live.base is not None and (question.similar or len(told.history) > 0)


def _told(question: Question) -> Known:
    told = Known(question.live)
    if question.live.base is not None:
        try:
            return ask_visitor(question, question.live)
        except UNAVAILABLE as error:
            told = _give_up_version(told, error)
    try:
        return ask_visitor(question, told.live)
    except UNAVAILABLE:  # the news that came along may have brought the version back
        return _without_news(replace(question, fixed=True), told)


def _without_news(question: Question, told: Known) -> Known:
    """What is known of the visitor without a version, and without a look for news."""
    try:
        return ask_visitor(question, told.live)
    except UNAVAILABLE as error:
        complain("visitors are not known", error)
        return told


def _give_up_version(told: Known, error: Exception) -> Known:
    complain(f"{told.live.scenario.name or 'similar items'} served without version {told.live.version_id}", error)
    return replace(told, live=without_version(told.live), history=History(), share=1.0, narrow=False)


def _search(question: Question, told: Known) -> Found:
    """Candidates by vector, by what goes with the history, and by popularity, ranked as the version learned."""
    live = told.live
    policy = question.policy(live)
    blend = SIMILAR if question.similar or live.blend is None else live.blend
    names = (PERSONAL, TOGETHER) if question.similar else policy.candidates
    marks, lifts = _boosts(policy)
    history = told.history
    here = np.array(history.here, np.bool_)
    weights = blend.history_weights(history.kinds, here, history.ages)
    texts = history.texts
    ask = Ask(
        live.scenario.pk,
        told.allowed(question, [question.keys] if question.keys else [], flagged=True),
        question.n + SPARE,
        version_id=live.base.id if live.base else None,
        query=told.query(similar=question.similar),
        visitor=told.visitor,
        history=told.history.items,
        weights=weights.tolist(),
        gathered=gather(weights, told.history.neighbours),
        counts=live.counts,
        vectors=told.history.vectors,
        texts=None if texts is None else blend.for_text.history_weights(history.kinds, here)[:, None] * texts,
        on_page=told.met_on_page,
        goal=live.worth,
        narrow=told.narrow,
        share=told.share * (live.base.available if live.base else 1.0),
        items=live.base.items if live.base else 0,
        lists=live.base.lists if live.base else 0,
        marks=marks,
        with_items=bool(policy.at_most) or bool(blend.weights.get(FRESH)),
    )
    settings = store.search_settings(ask.met, ask.probes) | question.budget.for_the_best
    again = not ask.allowed.keys and not ask.allowed.without and not marks and is_ours(names)
    search = Search(ask, names)
    with span("search"):
        (rows,) = read([search.statement], using=store.database(), settings=settings, again=again)
    found = search.read(rows)
    return ruled(
        policy,
        found,
        rank(found, with_sources(blend, names, policy.weights)),
        n=ask.n,
        factors=_factors(policy, told, found, lifts),
        known=_is_known(question, told),
    )


def _search_counts(question: Question, told: Known, beside: Sequence[Pick]) -> Sequence[Pick]:
    """What is left, by counts and age, among what the site says is available at this moment."""
    policy = question.policy(told.live)
    try:
        labels = question.labels(told.live)
        keys = [keys_of(source_for(label).available(), store.database(), wide=True) for label in labels]
        keys += [question.keys] if question.keys else []
        marks, lifts = _boosts(policy)
        ask = Ask(
            told.live.scenario.pk,
            told.allowed(question, keys, flagged=False, beside=[pick.item for pick in beside]),
            question.n,
            counts=told.live.counts,
            narrow=told.narrow,
            marks=marks,
            with_items=bool(policy.at_most),
        )
        search = Search(ask, COUNTS)
        (rows,) = read([search.statement], using=store.database(), settings=question.budget.for_the_rest)
    except UNAVAILABLE as error:
        complain("nothing can be recommended", error)
        return []
    found = search.read(rows)
    factors = _factors(policy, told, found, lifts)
    left = ruled(policy, found, rank(found, None), n=ask.n, factors=factors, known=False)
    return _behind(beside, left).picks if beside else left.picks


def _behind(beside: Sequence[Pick], left: Found) -> Found:
    """What completes a list never scores above what it completes."""
    scores, last = left.ranking.scores, min(pick.score for pick in beside)
    lower = (scores - scores.max(initial=0) + last - 1).astype(np.float32)
    return replace(left, ranking=replace(left.ranking, scores=lower))


def _boosts(policy: Policy) -> tuple[tuple[Keys, ...], list[float]]:
    """The querysets that are lifted or buried, and by which factors."""
    if not policy.boost:
        return (), []
    pairs = [(keys, factor) for one, factor in policy.boost for keys in keys_in([one], store.database())]
    return tuple(keys for keys, _factor in pairs), [factor for _keys, factor in pairs]


def _factors(policy: Policy, told: Known, found: Candidates, lifts: list[float]) -> Floats | None:
    """What each candidate's score is multiplied by; None where no rule says so. [candidates]"""
    if not lifts and not told.ignored:
        return None
    factors = np.where(found.marks, np.array(lifts, np.float32), 1).prod(axis=1).astype(np.float32)
    if policy.rotation and told.ignored:
        times = [told.ignored.get(item, 0) for item in found.items.tolist()]
        factors *= np.float32(policy.rotation.factor) ** np.array(times, np.float32)
    return factors
