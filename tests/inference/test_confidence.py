"""Intervals that people may look at every day: never wrong too often, and not too wide to find anything."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mtrec_django.inference.confidence import (
    Difference,
    Sample,
    boundary,
    critical,
    difference,
    mixture,
    needed,
    split_doubt,
)

DAYS, VISITORS = 28, 400  # a day and arm


def days_of(rng: np.random.Generator, rate: float, days: int = DAYS) -> list[Sample]:
    """One arm's samples as they stand after each day."""
    counts = np.cumsum(rng.binomial(VISITORS, rate, days))
    return [Sample(VISITORS * (day + 1), float(n), float(n), int(n)) for day, n in enumerate(counts)]


def found(arm: list[Sample], control: list[Sample], horizon: int = 2 * DAYS * VISITORS) -> bool:
    """Whether a difference was claimed on any day."""
    looks = [difference(a, b, alpha=0.05, horizon=horizon) for a, b in zip(arm, control, strict=True)]
    return any(look is not None and (look.better or look.worse) for look in looks)


def test_by_hand() -> None:
    # up to the horizon: the normal quantile of 1 - .9 * .05 / 4, times the root of the horizon, by the visitors
    assert critical(0.05) == pytest.approx(2.2818, abs=1e-4)
    assert boundary(10_000, alpha=0.05, horizon=10_000) == pytest.approx(2.2818 / 100, abs=1e-6)
    assert boundary(8_000, alpha=0.05, horizon=10_000) == pytest.approx(2.2818 * 100 / 8_000, abs=1e-6)
    arm, control = Sample(5000, 600.0, 600.0, 600), Sample(5000, 500.0, 500.0, 500)
    made = difference(arm, control, alpha=0.05, horizon=10_000)
    assert made is not None
    assert made.mean == pytest.approx(0.02)
    spread = math.sqrt(10_000 * (0.12 * 0.88 / 5000 + 0.1 * 0.9 / 5000))
    assert made.high - made.mean == pytest.approx(spread * critical(0.05) / 100) == pytest.approx(made.mean - made.low)
    assert made.percent == pytest.approx((20, 100 * made.low / 0.1, 100 * made.high / 0.1))


def test_before_and_after_the_plan_the_mixture_holds() -> None:
    # rho squared for alpha .05 and 10,000 visitors: (5.9915 + log(6.9915)) / 10,000 = 7.9362e-4
    rho = (2 * math.log(20) + math.log(1 + 2 * math.log(20))) / 10_000
    half = math.sqrt(2 * (10_000 * rho + 1) * math.log(math.sqrt(10_000 * rho + 1) / 0.05) / (10_000**2 * rho))
    assert mixture(10_000, alpha=0.05, horizon=10_000) == pytest.approx(half)
    for t in (500, 10_001, 40_000):
        assert boundary(t, alpha=0.05, horizon=10_000) == pytest.approx(mixture(t, alpha=0.005, horizon=10_000))
    assert boundary(10_000, alpha=0.05, horizon=10_000) < 0.8 * half


def test_the_planned_part_of_the_error_is_what_a_brownian_motion_leaves() -> None:
    rng = np.random.default_rng(3)
    steps = 500
    paths = np.abs(np.cumsum(rng.standard_normal((4000, steps)), axis=1)).max(axis=1) / math.sqrt(steps)
    assert (paths > critical(0.2)).mean() == pytest.approx(0.9 * 0.2, abs=0.03)


def test_what_was_known_stays_known() -> None:
    before, wider = Difference(0.02, 0.01, 0.03, 0.1), Difference(0.015, -0.01, 0.04, 0.1)
    assert wider.within(before) == Difference(0.015, 0.01, 0.03, 0.1)
    assert wider.within(None) == wider
    elsewhere = Difference(0.1, 0.05, 0.15, 0.1)
    assert elsewhere.within(before) == elsewhere  # the two contradict each other: the world has changed


def test_what_is_needed_is_found_as_often_as_planned() -> None:
    control = Sample(10_000, 1000.0, 1000.0, 1000)
    visitors = needed(control, 0.2, alpha=0.05)
    assert visitors is not None
    # by hand: (.12 * .88 + .1 * .9) / .5 * ((2.2818 + .8416) / .02) ** 2
    assert visitors == pytest.approx(9542, abs=5)
    days = math.ceil(visitors / (2 * VISITORS))
    planned = days * 2 * VISITORS
    rng = np.random.default_rng(5)
    claims = sum(found(days_of(rng, 0.12, days), days_of(rng, 0.1, days), planned) for _ in range(500))
    assert 0.8 <= claims / 500 <= 0.92


def test_what_is_needed_depends_on_share_lift_and_number() -> None:
    control = Sample(10_000, 1000.0, 1000.0, 1000)
    half, tenth = (needed(control, 0.2, alpha=0.05, share=share) or 0 for share in (0.5, 0.1))
    assert tenth > 2 * half
    assert (needed(control, 0.1, alpha=0.05) or 0) > 3.8 * half
    money = Sample(10_000, 1000.0 * 20, 1000.0 * 1087, 1000)
    assert (needed(money, 0.2, alpha=0.05) or 0) > half
    assert needed(Sample(100, 0.0, 0.0, 0), 0.2, alpha=0.05) is None


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
