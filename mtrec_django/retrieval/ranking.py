"""The order of the candidates, and how much each feature had to do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..inference.blend import POPULAR, Blend
from .found import Candidates
from .sources import sources_named

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates by position, best first."""

    order: Longs  # [candidates]
    scores: Floats  # [candidates], by candidate
    parts: dict[str, Floats]  # feature -> its share of each score, [candidates]


def with_sources(blend: Blend, names: Sequence[str], weights: Mapping[str, float]) -> Blend:
    """The blend with the scored sources among `names`: by their own weights, unless `weights` has others.

    What the version learned stays; a source that it never saw counts what its class or the scenario says.
    """
    scored = {source.name: weights.get(source.name, source.weight) for source in sources_named(names) if source.scored}
    return replace(blend, weights={**scored, **blend.weights}) if scored else blend


def rank(found: Candidates, blend: Blend | None) -> Ranking:
    """Rank by the blend; the z-scores run over exactly the candidates that an evaluation scores.

    Without a blend trends decide, then popularity, then age. Equal scores are in the order of the items.
    """
    if blend is None:
        order = np.lexsort((-found.items, found.days, -found.features[POPULAR], -found.trending))
        return Ranking(order, found.trending, {})
    parts = blend.parts(found.features)
    scores = sum(parts.values(), np.zeros(len(found), np.float32))
    return Ranking(np.argsort(-scores, kind="stable"), scores, parts)
