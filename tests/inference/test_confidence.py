"""Intervals that people may look at every day: never wrong too often, and not too wide to find anything."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mtrec_django.inference.confidence import Sample, boundary, difference, split_doubt

DAYS, VISITORS = 28, 400  # a day and arm


def days_of(rng: np.random.Generator, rate: float) -> list[Sample]:
    """One arm's samples as they stand after each day."""
    counts = np.cumsum(rng.binomial(VISITORS, rate, DAYS))
    return [Sample(VISITORS * (day + 1), float(n), float(n), int(n)) for day, n in enumerate(counts)]


def found(arm: list[Sample], control: list[Sample], alpha: float = 0.05) -> bool:
    """Whether a difference was claimed on any day."""
    looks = [difference(a, b, alpha=alpha, horizon=10_000) for a, b in zip(arm, control, strict=True)]
    return any(look is not None and (look.better or look.worse) for look in looks)


def test_by_hand() -> None:
    # rho squared for alpha .05 and 10,000 visitors: (5.9915 + log(6.9915)) / 10,000 = 7.9362e-4
    rho = (2 * math.log(20) + math.log(1 + 2 * math.log(20))) / 10_000
    half = math.sqrt(2 * (10_000 * rho + 1) * math.log(math.sqrt(10_000 * rho + 1) / 0.05) / (10_000**2 * rho))
    assert boundary(10_000, alpha=0.05, horizon=10_000) == pytest.approx(half)
    assert 1.96 / 100 < half < 1.6 * 1.96 / 100  # wider than an interval that may be looked at once, but not by much
    arm, control = Sample(5000, 600.0, 600.0, 600), Sample(5000, 500.0, 500.0, 500)
    made = difference(arm, control, alpha=0.05, horizon=10_000)
    assert made is not None
    assert made.mean == pytest.approx(0.02)
    spread = math.sqrt(10_000 * (0.12 * 0.88 / 5000 + 0.1 * 0.9 / 5000))
    assert made.high - made.mean == pytest.approx(spread * half) == pytest.approx(made.mean - made.low)
    assert made.percent == pytest.approx((20, 100 * made.low / 0.1, 100 * made.high / 0.1))


def test_nothing_is_said_of_a_handful() -> None:
    few = Sample(99, 50.0, 50.0, 50)
    rare = Sample(5000, 9.0, 9.0, 9)
    enough = Sample(5000, 500.0, 500.0, 500)
    assert difference(few, enough, alpha=0.05, horizon=10_000) is None
    assert difference(enough, rare, alpha=0.05, horizon=10_000) is None


def test_looking_daily_finds_nothing_where_there_is_nothing() -> None:
    rng = np.random.default_rng(7)
    claims = sum(found(days_of(rng, 0.1), days_of(rng, 0.1)) for _ in range(400))
    assert claims / 400 <= 0.05


def test_a_lift_of_a_fifth_is_found() -> None:
    rng = np.random.default_rng(8)
    claims = sum(found(days_of(rng, 0.12), days_of(rng, 0.1)) for _ in range(200))
    assert claims / 200 >= 0.8


def test_samples_add_up() -> None:
    whole = Sample(2, 3.0, 5.0, 2) + Sample(1, 0.0, 0.0, 0)
    assert whole == Sample(3, 3.0, 5.0, 2)
    assert whole.mean == 1.0
    assert whole.variance == pytest.approx(2 / 3)
    assert Sample().mean is None


def test_a_broken_split_is_doubted_and_a_sound_one_is_not() -> None:
    assert split_doubt([5050, 4950], [1, 1]) == 1.0
    assert split_doubt([5400, 4600], [1, 1]) < 1e-6
    assert split_doubt([1000, 2010], [1, 2]) == 1.0


def test_a_sound_split_is_doubted_at_most_as_often_as_it_says() -> None:
    rng = np.random.default_rng(9)
    doubted = 0
    for _ in range(300):
        arrivals = np.cumsum(rng.binomial(500, 0.5, 28))
        doubted += any(split_doubt([int(n), 500 * (at + 1) - int(n)], [1, 1]) < 0.05 for at, n in enumerate(arrivals))
    assert doubted / 300 <= 0.05
