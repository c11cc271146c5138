"""The order of the candidates, and how much each feature had to do with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..inference.blend import POPULAR, Blend, z_scores
from .search import Candidates

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates by position, best first."""

    order: Longs  # [candidates]
    scores: Floats  # [candidates], by candidate
    parts: dict[str, Floats]  # feature -> its share of each score, [candidates]


def rank(found: Candidates, blend: Blend | None) -> Ranking:
    """Rank by the blend; the z-scores run over exactly the candidates that an evaluation scores.

    Without a blend trends decide, then popularity, then age. Equal scores are in the order of the items.
    """
    if blend is None:
        order = np.lexsort((-found.items, found.days, -found.features[POPULAR], -found.trending))
        return Ranking(order, found.trending, {})
    scores = blend.score(found.features)
    parts = {
        name: np.float32(weight) * z_scores(found.features[name])
        for name, weight in blend.weights.items()
        if weight and name in found.features
    }
    return Ranking(np.argsort(-scores, kind="stable"), scores, parts)
