"""Many visitors at one counter: what `serving.answering` does for one, over arrays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.functional import Promise

from ..inference.blend import FRESH, PERSONAL, POPULAR, SOURCE_CANDIDATES, TEXT, TOGETHER, VECTOR_CANDIDATES, Blend
from ..inference.texts import likeness
from ..models import Visitor
from ..retrieval.found import Candidates
from ..retrieval.gathering import gather
from ..retrieval.policy import Place
from ..retrieval.ranking import rank
from ..serving.filling import SPARE
from ..serving.picking import Pick, ruled
from ..serving.pinning import in_force
from ..serving.question import Question
from ..serving.reasons import PINNED, Reason, explain
from .past import Past, pasts
from .shelf import Shelf
from .showing import shown

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

BLOCK = 64
"""Visitors whose scores are in memory together."""
SAMPLED = 16
"""One score in so many is looked at to guess where the best begin."""
_BY_COUNT, _OTHERWISE = frozenset({POPULAR}), frozenset[str]()


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of a list."""

    item: int
    label: str
    object_id: str
    score: float
    source: str
    reason: str | Promise
    because: str


@dataclass(frozen=True, slots=True)
class VisitorList:
    """What one visitor gets."""

    visitor: int
    user: Any  # primary key, None for a guest
    version: int | None
    arm: str
    items: list[Listed]


class Crowd:
    """Lists of visitors who ask the same question, of what may be shown at this moment.

    An item is known by its row among those that may be shown, in the order of their primary keys.
    """

    def __init__(self, question: Question, shelf: Shelf) -> None:
        if question.live.encoder is None:
            raise ValueError("Only a version can be asked for lists of a crowd.")
        self.question, self.shelf, self.place = question, shelf, question.live
        self.encoder = question.live.encoder
        self.policy = question.policy(self.place)
        self.blend = self.place.blend or Blend()
        self.shown = shown(question).on(shelf)
        self.at = shelf.positions(self.shown.items)  # where each row stands on the shelf
        self.vectors = shelf.vectors[self.at]
        self.row_of = np.full(len(shelf), -1, np.int64)
        self.row_of[self.at] = np.arange(len(self.at))
        wanted = np.flatnonzero(self.shown.popular > 0)
        self.most_popular = wanted[np.argsort(-self.shown.popular[wanted], kind="stable")]

    def lists(self, visitors: Sequence[Visitor]) -> Iterator[VisitorList]:
        """One each; those whose list would come out short are left out."""
        known = pasts(visitors, self.place, self.shelf)
        for first in range(0, len(visitors), BLOCK):
            some = visitors[first : first + BLOCK]
            queries = np.stack([self._query(known[visitor.pk]) for visitor in some])
            nearness = queries @ self.vectors.T  # [visitors, items]
            for visitor, scores in zip(some, nearness, strict=True):
                past = known[visitor.pk]
                listed = self._list(past, scores)
                if len(listed) >= self.question.n or (self.policy.minimum is not None and len(past.history)):
                    yield VisitorList(visitor.pk, visitor.user_id, self.place.version_id, self.place.arm, listed)

    def _query(self, past: Past) -> Floats:
        return past.history.encode(self.encoder, past.about)

    def _list(self, past: Past, scores: Floats) -> list[Listed]:
        seen = self.row_of[past.seen]
        seen = seen[seen >= 0]
        scores[seen] = -np.inf
        rows, found = self._candidates(past, scores, seen)
        left = ruled(
            self.policy,
            found,
            rank(found, self.blend),
            n=self.question.n + SPARE,
            factors=self.shown.factors[rows] if self.policy.boost else None,
            known=len(past.history) > 0,
        )
        pins = self._pins(seen)
        pinned = {pin.item for pin in pins}
        picks = [pick for pick in left.picks[: self.question.n + len(pins)] if pick.item not in pinned]
        pulls = cache(partial(self._pulls, past))
        return self._with_pins([_listed(pick, past, pulls) for pick in picks], pins)

    def _pulls(self, past: Past) -> Floats:
        return past.history.pulls(self.encoder, past.about)

    def _candidates(self, past: Past, scores: Floats, seen: Longs) -> tuple[Longs, Candidates]:
        here = np.array(past.history.here, np.bool_)
        weights = self.blend.history_weights(past.history.kinds, here, past.history.ages)
        gathered = gather(weights, past.history.neighbours)
        nearest = best(scores, max(VECTOR_CANDIDATES, self.question.n + SPARE))
        with_history = self._first(self._rows_of(np.array(gathered.strongest(len(gathered.items)), np.int64)), seen)
        popular = self._first(self.most_popular[: SOURCE_CANDIDATES + len(seen)], seen)
        rows = np.unique(np.concatenate([nearest, with_history, popular]))
        at, items = self.at[rows], self.shown.items[rows]
        together, partners = gathered.of(items)
        features = {
            PERSONAL: scores[rows],
            TOGETHER: together,
            POPULAR: self.shown.popular[rows],
            FRESH: -np.log1p(self.shown.days[rows]),
        }
        texts, met = None, past.history.texts
        if met is not None and (texts := self.shelf.written(at)) is not None:
            met = self.blend.for_text.history_weights(past.history.kinds, here)[:, None] * met
            features[TEXT] = likeness(met, texts)
        found = Candidates(
            items=items,
            labels=self.shelf.labels[at].tolist(),
            object_ids=self.shelf.object_ids[at].tolist(),
            found_by=[_BY_COUNT if one else _OTHERWISE for one in np.isin(rows, popular).tolist()],
            features=features,
            trending=np.zeros(len(rows), np.float32),
            days=self.shown.days[rows].astype(np.float64),
            partners={TOGETHER: partners},
            vectors=self.vectors[rows],
            categories=self.shown.categories_of(rows),
            marks=np.empty((len(rows), 0), np.bool_),
            texts=texts,
            met=met,
        )
        return rows, found

    def _first(self, rows: Longs, seen: Longs) -> Longs:
        """The first of a ranking that may be shown to somebody who has seen some."""
        return rows[(rows >= 0) & np.isin(rows, seen, invert=True)][:SOURCE_CANDIDATES]

    def _rows_of(self, items: Longs) -> Longs:
        """The rows of items, -1 for those that may not be shown."""
        at = self.shelf.positions(items)
        return np.where(at >= 0, self.row_of[at], -1)

    def _pins(self, seen: Longs) -> list[Place]:
        now, out = time.time(), set(self.shown.items[seen].tolist())
        at = {pin.item: int(self.shelf.positions([pin.item])[0]) for pin in self.policy.pins}
        return [
            pin
            for pin in in_force(self.policy.pins, now)
            if at[pin.item] >= 0 and self.row_of[at[pin.item]] >= 0 and pin.item not in out
        ]

    def _with_pins(self, listed: list[Listed], pins: Sequence[Place]) -> list[Listed]:
        for pin in pins:
            place = min(pin.position - 1, len(listed))
            score = listed[min(place, len(listed) - 1)].score if listed else 0.0
            reason = Reason(PINNED)
            one = Listed(pin.item, pin.label, pin.object_id, score, reason.source, reason.sentence, "")
            if place < self.question.n:
                listed.insert(place + _taken(listed, place), one)
        return listed[: self.question.n]


def _taken(listed: Sequence[Listed], place: int) -> int:
    """How many pins stand there already."""
    taken = 0
    while place + taken < len(listed) and listed[place + taken].source == PINNED:
        taken += 1
    return taken


def _listed(pick: Pick, past: Past, pulls: Callable[[], Floats]) -> Listed:
    reason = explain(pick.found.candidates, pick.found.ranking, pick.at, past.history, pulls)
    return Listed(pick.item, *pick.name, round(pick.score, 6), reason.source, reason.sentence, reason.because)


def best(scores: Floats, k: int) -> Longs:
    """Where the k highest scores stand, in no order; minus infinity is none.

    A sample tells about where they begin, which spares ordering the rest.
    """
    above = np.arange(len(scores))
    if len(scores) > 4 * SAMPLED * k:
        sample = scores[::SAMPLED]
        rank_of_guess = 2 * k // SAMPLED + 8
        guess = np.partition(sample, len(sample) - rank_of_guess)[len(sample) - rank_of_guess]
        found = np.flatnonzero(scores >= guess)
        above = found if len(found) >= k else above
    if len(above) > k:
        above = above[np.argpartition(-scores[above], k - 1)[:k]]
    return above[np.isfinite(scores[above])]
