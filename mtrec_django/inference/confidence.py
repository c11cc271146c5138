"""Intervals that hold however often one looks, for experiments that people watch while they go.

Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas: "Time-uniform central limit theory and asymptotic confidence sequences",
Annals of Statistics 52(6), 2024 (arXiv:2103.06476); the difference of two arms is their section on randomised
experiments. The split is watched by Lindon, Malek: "Anytime-valid inference for multinomial count data", NeurIPS 2022.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 100
"""Visitors in an arm below which nothing is said of it: the interval is asymptotic."""

ENOUGH_DIFFERENT = 10
"""Visitors beside the most frequent outcome below which nothing is said of an arm, for the same reason."""

CONCENTRATION = 1000.0
"""How near to the intended split the alternatives are that `split_doubt` weighs it against."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number for each visitor of an arm, summed up."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    positive: int = 0  # visitors above zero

    def __add__(self, other: Sample) -> Sample:
        return Sample(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            self.positive + other.positive,
        )

    @property
    def mean(self) -> float | None:
        """None for nobody."""
        return self.total / self.n if self.n else None

    @property
    def variance(self) -> float:
        """Of one visitor's number."""
        mean = self.total / self.n
        return max(0.0, self.squares / self.n - mean * mean)

    @property
    def enough(self) -> bool:
        """Whether the central limit theorem may be leant on."""
        return self.n >= ENOUGH and self.positive >= ENOUGH_DIFFERENT


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one arm's mean is above another's."""

    mean: float
    low: float
    high: float
    of: float
    """The mean of the arm compared with, to say it in percent."""

    @property
    def better(self) -> bool:
        return self.low > 0

    @property
    def worse(self) -> bool:
        return self.high < 0

    @property
    def percent(self) -> tuple[float, float, float] | None:
        """Mean, low and high in percent of the other arm; None where that has nothing."""
        return (100 * self.mean / self.of, 100 * self.low / self.of, 100 * self.high / self.of) if self.of else None


def difference(arm: Sample, control: Sample, *, alpha: float, horizon: int) -> Difference | None:
    """The difference of two means, in an interval that errs at any time with probability `alpha` at most.

    Visitors come one by one and their numbers do not change any more once they are in a sample.

    Args:
        horizon: visitors of both arms together at which the interval is narrowest for what it is; it holds at any.

    Returns:
        None while there is too little for a limit theorem.
    """
    if not arm.enough or not control.enough:
        return None
    t = arm.n + control.n
    mean = arm.total / arm.n - control.total / control.n
    spread = math.sqrt(t * (arm.variance / arm.n + control.variance / control.n))  # of one visitor's pseudo-outcome
    half = spread * boundary(t, alpha=alpha, horizon=horizon)
    return Difference(mean, mean - half, mean + half, control.total / control.n)


def boundary(t: int, *, alpha: float, horizon: int) -> float:
    """Half the width of the interval of a mean of t numbers of variance one, by the normal mixture of the paper."""
    rho = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / max(horizon, 1)  # rho squared
    return math.sqrt(2 * (t * rho + 1) / (t * t * rho) * math.log(math.sqrt(t * rho + 1) / alpha))


def split_doubt(counts: Sequence[int], shares: Sequence[float]) -> float:
    """A p-value, valid at any time, of arms being filled by their shares; a small one says that the split is broken.

    The Bayes factor of a Dirichlet around the shares against the shares themselves (Lindon and Malek).
    """
    whole = sum(shares)
    expected = [share / whole for share in shares]
    prior = [CONCENTRATION * share for share in expected]
    n = sum(counts)
    log_odds = math.lgamma(CONCENTRATION) - math.lgamma(CONCENTRATION + n)
    for count, share, weight in zip(counts, expected, prior, strict=True):
        log_odds += math.lgamma(weight + count) - math.lgamma(weight) - count * math.log(share)
    return math.exp(-max(0.0, log_odds))
