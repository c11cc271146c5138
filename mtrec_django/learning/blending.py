"""Which blend serves a scenario: chosen greedily on validation, a single classical source among the choices."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..dataset import Floats
from ..inference.blend import Blend, z_scores
from .candidates import Candidates
from .evaluation import gains, ideal

ADMIT = 1.003
"""A source is let in only where it betters the blend by 0.3 %."""
GRID = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Choice:
    """A blend and what it reached on validation."""

    weights: dict[str, float]
    ndcg: float
    alone: dict[str, float]  # feature -> NDCG@10 when it ranks alone


class Scorer:
    """NDCG@10 of any weights over fixed candidates, quickly: questions without a right candidate always score 0."""

    def __init__(
        self,
        found: Candidates,
        relevant_count: npt.NDArray[np.integer],
        features: Iterable[str],
        *,
        keep: Iterable[str] = (),
    ) -> None:
        """`keep`: features to be kept raw, for mixtures."""
        rows = found.relevant.any(axis=1)
        self.total = max(len(found.items), 1)
        self.padding = np.where(found.items[rows] >= 0, 0, -np.inf).astype(np.float32)
        self.z: dict[str, Floats] = {name: z_scores(found.features[name][rows]) for name in features}
        self.kept = {name: np.nan_to_num(found.features[name][rows]) for name in keep}
        self.row, self.column = np.nonzero(found.relevant[rows])
        self.ideal = ideal(relevant_count[rows])[self.row]

    def only(self, names: Iterable[str]) -> Scorer:
        """The same questions with some of the features."""
        other = copy(self)
        other.z = {name: self.z[name] for name in names}
        return other

    def plus(self, name: str, raw: Floats) -> Scorer:
        """The same questions with one more feature."""
        other = copy(self)
        padded = np.where(np.isfinite(self.padding), raw, np.nan)
        other.z = {**self.z, name: z_scores(padded)}
        return other

    def ndcg(self, weights: dict[str, float]) -> float:
        """The mean over all questions."""
        score = self.padding.copy()
        for name, weight in weights.items():
            if weight:
                score += np.float32(weight) * self.z[name]
        return self.of(score)

    def of(self, score: Floats) -> float:
        """The mean NDCG@10 of given scores."""
        return float((gains(score, self.row, self.column) / self.ideal).sum() / self.total)


def choose(scorer: Scorer, *, grid: Iterable[float] = GRID) -> Choice:
    """Begin with the best source alone, let in what helps, then go once more over all weights."""
    grid = tuple(grid)
    alone = {name: scorer.ndcg({name: 1.0}) for name in scorer.z}
    first = max(alone, key=lambda name: alone[name])
    weights, best = {first: 1.0}, alone[first]
    while len(weights) < len(scorer.z):
        trials = [
            (scorer.ndcg({**weights, name: weight}), name, weight)
            for name in scorer.z
            if name not in weights
            for weight in grid
        ]
        value, name, weight = max(trials)
        if value < best * ADMIT or value <= best:
            break
        weights, best = {**weights, name: weight}, value
    return _polished(scorer, weights, best, alone, grid)


def _polished(
    scorer: Scorer, weights: dict[str, float], best: float, alone: dict[str, float], grid: tuple[float, ...]
) -> Choice:
    for name in [*weights][1:]:
        for weight in (0.0, *grid):
            value = scorer.ndcg({**weights, name: weight})
            if value > best:
                weights, best = {**weights, name: weight}, value
    return Choice({name: weight for name, weight in weights.items() if weight}, best, alone)


def blend_of(choice: Choice, reading: Blend) -> Blend:
    """The choice as what serving reads, with the way it reads the table."""
    return replace(reading, weights={name: round(weight, 4) for name, weight in choice.weights.items()})
