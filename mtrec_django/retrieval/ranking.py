"""The order of the candidates, and how much each feature had to do with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..inference.blend import POPULAR, Blend, z_scores
from .candidates import Candidates

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates by position, best first."""

    order: Longs  # [candidates]
    scores: Floats  # [candidates], by candidate
    parts: dict[str, Floats]  # feature -> its share of each score, [candidates]


def rank(found: Candidates, blend: Blend | None) -> Ranking:
    """Rank by the blend what was found to be ranked, and put what only fills behind it.

    The z-scores run over exactly the candidates that an evaluation scores. Without a blend trends decide, then
    popularity, then age. Equal scores are in the order of the items.
    """
    if blend is None:
        return Ranking(_by_counts(found, np.ones(len(found), np.bool_)), found.trending, {})
    ranked = np.flatnonzero(~found.filling)
    features = {name: values[ranked] for name, values in found.features.items()}
    scores = np.zeros(len(found), np.float32)
    scores[ranked] = blend.score(features)
    scores[found.filling] = scores.min(initial=0) - 1
    best_first = ranked[np.argsort(-scores[ranked], kind="stable")]
    return Ranking(np.concatenate([best_first, _by_counts(found, found.filling)]), scores, _parts(found, ranked, blend))


def _by_counts(found: Candidates, chosen: npt.NDArray[np.bool_]) -> Longs:
    rows = np.flatnonzero(chosen)
    return rows[np.lexsort((-rows, found.days[rows], -found.features[POPULAR][rows], -found.trending[rows]))]


def _parts(found: Candidates, ranked: Longs, blend: Blend) -> dict[str, Floats]:
    parts = {}
    for name, weight in blend.weights.items():
        if weight and name in found.features:
            parts[name] = np.zeros(len(found), np.float32)
            parts[name][ranked] = np.float32(weight) * z_scores(found.features[name][ranked])
    return parts
