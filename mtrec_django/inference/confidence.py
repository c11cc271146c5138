"""Intervals that hold however often one looks, for experiments that people watch while they go.

Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas: "Time-uniform central limit theory and asymptotic confidence sequences",
Annals of Statistics 52(6), 2024 (arXiv:2103.06476); the difference of two arms is their section on randomised
experiments. Up to a number of visitors that is planned beforehand, most of the error rate is spent by the boundary of
O'Brien and Fleming (Biometrics 35, 1979) at every moment, as Lan and DeMets (Biometrika 70, 1983) have it. The split
is watched by Lindon, Malek: "Anytime-valid inference for multinomial count data", NeurIPS 2022.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

ENOUGH = 100
"""Visitors in an arm below which nothing is said of it: the interval is asymptotic."""

ENOUGH_DIFFERENT = 10
"""Visitors beside the most frequent outcome below which nothing is said of an arm, for the same reason."""

PLANNED = 0.9
"""Part of the error rate that is spent until the planned number of visitors is there; the rest holds for ever."""

FOUND = 0.8
"""How often a plan is to find what is there."""

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

    def within(self, before: Difference | None) -> Difference:
        """No wider than it was: intervals that all hold together hold where they overlap."""
        if before is None:
            return self
        low, high = max(self.low, before.low), min(self.high, before.high)
        return replace(self, low=low, high=high) if low <= high else self

    @property
    def percent(self) -> tuple[float, float, float] | None:
        """Mean, low and high in percent of the other arm; None where that has nothing."""
        return (100 * self.mean / self.of, 100 * self.low / self.of, 100 * self.high / self.of) if self.of else None


def difference(arm: Sample, control: Sample, *, alpha: float, horizon: int) -> Difference | None:
    """The difference of two means, in an interval that errs at any time with probability `alpha` at most.

    Visitors come one by one and their numbers do not change any more once they are in a sample.

    Args:
        horizon: visitors of both arms together that are planned, fixed before the first one came. The interval is
            narrowest for what it is when they are there; it holds at any number.

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
    """Half the width of the interval of a mean of t numbers of variance one."""
    for_ever = mixture(t, alpha=(1 - PLANNED) * alpha, horizon=horizon)
    return min(for_ever, critical(alpha) * math.sqrt(horizon) / t) if t <= horizon else for_ever


def critical(alpha: float) -> float:
    """What a Brownian motion of one unit of time leaves, up or down, with the planned part of `alpha`.

    By the reflection principle, and without what leaves on both sides: a little too high, never too low.
    """
    return NormalDist().inv_cdf(1 - PLANNED * alpha / 4)


def mixture(t: int, *, alpha: float, horizon: int) -> float:
    """The same by the normal mixture of the paper alone, which knows no last visitor."""
    rho = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / max(horizon, 1)  # rho squared
    return math.sqrt(2 * (t * rho + 1) / (t * t * rho) * math.log(math.sqrt(t * rho + 1) / alpha))


def needed(control: Sample, lift: float, *, alpha: float, share: float = 0.5) -> int | None:
    """Visitors of both arms together with which a lift is found in `FOUND` of all cases, planned as the horizon.

    Args:
        control: what visitors do now.
        lift: by which part of the mean, as 0.2; as many more of them do what they do now.
        share: the arm's part of the visitors of both.

    Returns:
        None where nothing is known of what they do.
    """
    if not control.total or not lift:
        return None
    squares, mean = control.squares / control.n * (1 + lift), control.total / control.n * (1 + lift)
    spread = (squares - mean * mean) / share + control.variance / (1 - share)
    seen = critical(alpha) + NormalDist().inv_cdf(FOUND)
    return math.ceil(max(0.0, spread) * (seen / (control.total / control.n * lift)) ** 2)


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
