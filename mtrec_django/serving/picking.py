"""Candidates in the order in which they should be shown, by ranking and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from ..inference.blend import PERSONAL
from ..retrieval.found import Candidates
from ..retrieval.policy import Policy
from ..retrieval.ranking import Ranking
from ..retrieval.rules import at_most, diversified, multiplied, relevant

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates, how they were ranked, and the order that the rules left."""

    candidates: Candidates
    ranking: Ranking
    order: npt.NDArray[np.int64]

    @property
    def picks(self) -> Picks:
        """Each candidate that is left, the best first."""
        return Picks(self)


@dataclass(frozen=True, slots=True)
class Pick:
    """One candidate in its place."""

    found: Found
    at: int

    @property
    def name(self) -> tuple[str, str]:
        """Label and primary key of the object."""
        return self.found.candidates.labels[self.at], self.found.candidates.object_ids[self.at]

    @property
    def item(self) -> int:
        return int(self.found.candidates.items[self.at])

    @property
    def score(self) -> float:
        return float(self.found.ranking.scores[self.at])


@dataclass(frozen=True, slots=True)
class Picks(Sequence[Pick]):
    """Candidates in their order, made as they are looked at: of hundreds a list shows ten."""

    found: Found

    def __len__(self) -> int:
        return len(self.found.order)

    @overload
    def __getitem__(self, at: int) -> Pick: ...

    @overload
    def __getitem__(self, at: slice) -> list[Pick]: ...

    def __getitem__(self, at: int | slice) -> Pick | list[Pick]:
        if isinstance(at, slice):
            return [Pick(self.found, row) for row in self.found.order[at].tolist()]
        return Pick(self.found, int(self.found.order[at]))


def ruled(policy: Policy, found: Candidates, ranking: Ranking, *, n: int, factors: Floats | None, known: bool) -> Found:
    """The rules, in the order in which one overrules the other: what comes later has the last word.

    Args:
        n: how many are looked at together for diversity.
        factors: what each score is multiplied by; None for nothing. [candidates]
        known: whether there is something that items could be near to.
    """
    if factors is not None:
        ranking = multiplied(ranking, factors)
    order = ranking.order
    if policy.minimum is not None and known:
        order = relevant(order, found.features[PERSONAL], policy.minimum)
    if policy.diversity:
        order = diversified(order, ranking.scores, found.vectors, policy.diversity, n)
    if policy.at_most:
        order = at_most(order, found.categories, policy.at_most)
    return Found(found, ranking, order)
