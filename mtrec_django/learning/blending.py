"""Which blend serves a scenario: chosen greedily on validation, a single classical source among the choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..dataset import Floats
from ..inference.blend import PERSONAL, POPULAR, TOGETHER, Blend, z_scores
from .candidates import Candidates
from .evaluation import Doubles, gains, ideal

ADMIT = 1.003
"""A source is let in only where it betters the blend by 0.3 %."""
GRID = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
STARTS = ({PERSONAL: 1.0, TOGETHER: 0.2, POPULAR: 1.0}, {PERSONAL: 1.0, TOGETHER: 0.2, POPULAR: 0.2})
"""Weights that serve well for little and for much: where there are few answers, nothing is chosen without these."""
FEWEST_ANSWERS = 100
"""With fewer right answers among the candidates the best of many weights is mostly a lucky one."""
DOUBT = 2.0
"""Standard errors by which weights must then be better than those to start from."""
CUTOFFS = (10, 50, 250)
"""Where few answers are among the first ten, those behind them tell something too."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A blend and what it reached on validation."""

    weights: dict[str, float]
    ndcg: float
    alone: dict[str, float]  # feature -> NDCG@10 when it ranks alone
    sure: bool = True
    """Whether there were answers enough to choose freely."""


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

    def only(self, names: Mapping[str, str]) -> Scorer:
        """The same questions with some of the features, each by a name: name -> feature."""
        other = copy(self)
        other.z = {name: self.z[feature] for name, feature in names.items()}
        return other

    def plus(self, name: str, raw: Floats) -> Scorer:
        """The same questions with one more feature."""
        other = copy(self)
        padded = np.where(np.isfinite(self.padding), raw, np.nan)
        other.z = {**self.z, name: z_scores(padded)}
        return other

    def ndcg(self, weights: dict[str, float]) -> float:
        """The mean over all questions."""
        return float(self.answers(weights).sum() / self.total)

    def answers(self, weights: dict[str, float], cutoffs: tuple[int, ...] = (10,)) -> Doubles:
        """What each right candidate brings, the mean over the cut-offs. [answers]"""
        score = self.padding.copy()
        for name, weight in weights.items():
            if weight:
                score += np.float32(weight) * self.z[name]
        found = [gains(score, self.row, self.column, min(k, score.shape[1])) for k in cutoffs]
        return np.mean(found, axis=0) / self.ideal

    def each(self, weights: dict[str, float], cutoffs: tuple[int, ...]) -> Doubles:
        """The same of each question that has a right candidate. [questions]"""
        out = np.zeros(len(self.padding))
        np.add.at(out, self.row, self.answers(weights, cutoffs))
        return out


def choose(scorer: Scorer, *, grid: Iterable[float] = GRID) -> Choice:
    """Begin with the best source alone, let in what helps, then go once more over all weights; with care where there
    are few answers to go by."""
    grid = tuple(grid)
    alone = {name: scorer.ndcg({name: 1.0}) for name in scorer.z}
    known = ({name: weight for name, weight in start.items() if name in scorer.z} for start in STARTS)
    starts = [start for start in known if start]
    if starts and len(scorer.row) < FEWEST_ANSWERS:
        weights = _with_care(scorer, starts, grid)
        return Choice(weights, scorer.ndcg(weights), alone, sure=False)
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


def _with_care(scorer: Scorer, starts: list[dict[str, float]], grid: tuple[float, ...]) -> dict[str, float]:
    """From the better of the weights to start from, one change at a time, whichever is better by most beyond doubt."""
    before = max((scorer.each(start, CUTOFFS) for start in starts), key=lambda each: float(each.sum()))

    def surely(weights: dict[str, float]) -> float:
        gained = scorer.each(weights, CUTOFFS) - before
        mean, square = gained.sum() / scorer.total, (gained * gained).sum() / scorer.total
        return float(mean - DOUBT * np.sqrt(max(square - mean * mean, 0) / scorer.total))

    weights = max([*starts, *({name: 1.0} for name in scorer.z)], key=surely)
    least, best = float(before.sum() / scorer.total) * (ADMIT - 1), surely(weights)
    while True:
        tried = [{**weights, name: weight} for name in scorer.z for weight in (0.0, *grid)]
        value, other = max(((surely(one), one) for one in tried if any(one.values())), key=lambda pair: pair[0])
        if value <= best + least:
            return {name: weight for name, weight in weights.items() if weight}
        weights, best = other, value


def _polished(
    scorer: Scorer, weights: dict[str, float], best: float, alone: dict[str, float], grid: tuple[float, ...]
) -> Choice:
    for name in [*weights][1:]:
        for weight in (0.0, *grid):
            value = scorer.ndcg({**weights, name: weight})
            if value > best:
                weights, best = {**weights, name: weight}, value
    return Choice({name: weight for name, weight in weights.items() if weight}, best, alone)


def for_nothing(scorer: Scorer, choice: Choice, name: str) -> float:
    """The largest weight of a feature beside the chosen ones that costs nothing; 0 where nothing is sure."""
    weights = (weight for weight in GRID if scorer.ndcg({**choice.weights, name: weight}) >= choice.ndcg)
    return max(weights, default=0.0) if choice.sure and name in scorer.z else 0.0


def blend_of(choice: Choice, reading: Blend) -> Blend:
    """The choice as what serving reads, with the way it reads the table."""
    return replace(reading, weights={name: round(weight, 4) for name, weight in choice.weights.items()})
