"""An answer filled in order with the site's own objects that are available now, with pins in their places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import OperationalError

from ..catalog.registry import source_for
from ..retrieval.policy import Place
from ..retrieval.statement import limited
from .complaints import complain
from .picking import Pick
from .question import Known, Question
from .reasons import PINNED, Reason, explain
from .recommendations import Answer, Recommendation

SPARE = 2
"""Objects fetched beyond n, for those that were sold out since the last sync."""

Floats = npt.NDArray[np.float32]
Name = tuple[str, str]
"""Label and primary key of an object."""


class Filling:
    """Puts objects into an answer until it has n."""

    def __init__(self, question: Question, told: Known, made: Answer) -> None:
        self.question, self.told, self.made = question, told, made
        self.places = told.pins
        self.pinned = {place.name for place in self.places}
        self.waiting: list[tuple[Place, Any]] | None = None if self.places else []  # None until they are fetched
        self.moved: Floats | None = None

    @property
    def full(self) -> bool:
        return len(self.made) >= self.question.n

    def add(self, picks: Sequence[Pick]) -> None:
        """Go on with these, the best first."""
        left = [pick for pick in picks if pick.name not in self.pinned] if self.pinned else picks
        begin, size = 0, self.question.n - len(self.made) + SPARE
        while not self.full and (begin < len(left) or self.waiting is None):
            chunk = left[begin : begin + size]
            for pick, obj in zip(chunk, self._fetch([pick.name for pick in chunk]), strict=True):
                if obj is not None:
                    self._pin(pick.score, last=len(self.question.shown) + len(self.made) + 1)
                    self._append(obj, pick.item, pick.score, partial(self._explain, pick))
            begin, size = begin + size, len(left)

    def close(self) -> None:
        """Pins behind the end of a list that is too short come last."""
        self._pin(self.made[-1].recommendation.score if self.made else 0.0)

    def _pin(self, score: float, *, last: int | None = None) -> None:
        """The pins whose turn it is, all that are left where no last place is given."""
        while self.waiting and (last is None or self.waiting[0][0].position <= last):
            place, obj = self.waiting.pop(0)
            self._append(obj, place.item, score, Reason(PINNED).itself)
            last = last and last + 1

    def _explain(self, pick: Pick) -> Reason:
        told, found = self.told, pick.found
        on_page = told.on_page.id if told.on_page else None
        return explain(found.candidates, found.ranking, pick.at, told.history, self._pulls, on_page=on_page)

    def _pulls(self) -> Floats:
        if self.moved is None:
            self.moved = self.told.pulls(similar=self.question.similar)
        return self.moved

    def _append(self, obj: Any, item: int, score: float, why: Callable[[], Reason]) -> None:
        if self.full:
            return
        obj.recommendation = Recommendation(
            id=self.made.id,
            item=item,
            position=len(self.made),
            score=round(score, 6),
            scenario=self.made.scenario,
            version=self.made.version,
            explain=why,
            obj=obj,
        )
        self.made.append(obj)

    def _fetch(self, names: Sequence[Name]) -> list[Any | None]:
        """The site's objects, None where one may not be shown any more; those of the pins come along."""
        if self.waiting is not None:
            return fetch(self.question, names)
        pinned = [place.name for place in self.places]
        found = fetch(self.question, [*names, *pinned])
        objects = found[len(names) :]
        self.waiting = [(place, obj) for place, obj in zip(self.places, objects, strict=True) if obj is not None]
        return found[: len(names)]


def fetch(question: Question, wanted: Sequence[Name]) -> list[Any | None]:
    """The objects of these names, None where one may not be shown any more."""
    there: dict[Name, Any] = {}
    for label in dict.fromkeys(label for label, _object_id in wanted):
        ids = [object_id for of, object_id in wanted if of == label]
        shown = source_for(label).available()
        if question.queryset is not None and question.keys is not None and not question.keys.fixed:
            shown = question.queryset.filter(pk__in=shown.values("pk"))
        try:
            with limited(shown.db, question.budget.for_the_rest):
                there |= {(label, str(obj.pk)): obj for obj in shown.filter(pk__in=ids)}
        except OperationalError as error:
            complain(f"objects of {label} were not read", error)
    return [there.get(name) for name in wanted]
