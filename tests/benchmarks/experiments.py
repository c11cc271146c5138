"""How often an experiment claims a difference that is not there, and how often it finds one that is.

python -m tests.benchmarks.experiments [--experiments 1000] [--days 28] [--visitors 800] [--json FILE]

Visitors come day by day, more on some days of the week than on others and in another mood; the product's own hash puts
each into an arm, and the figures are looked at every day as the admin shows them: the first day on which an interval
leaves out zero is a claim. The same looks are taken with the usual interval of a fixed sample, which keeps its promise
for one look only: `fixed` are its claims on any day, `once` those of its one look at the end, which nothing that may be
looked at daily can beat. Worlds that are planned last as long as the planner of the admin says that 80 % need.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np
import numpy.typing as npt

from mtrec_django.inference.confidence import Difference, Sample, difference, needed, split_doubt

Floats = npt.NDArray[np.float64]
Numbers = Callable[[np.random.Generator, Floats], Floats]

FIXED = 1.959964  # the usual 95 % interval
BROKEN_SPLIT = 0.001
WEEK = (1.0, 0.9, 0.9, 0.95, 1.1, 1.3, 1.2)


@dataclass(frozen=True)
class World:
    """What visitors do: each one's number, by the rate of his arm and his day."""

    name: str
    rates: tuple[float, ...]  # by arm, the control first
    numbers: Numbers
    planned: bool = False
    """Whether it goes on for as long as the planner says, instead of as long as asked for."""
    on: float = 1.0
    """How many times as long as it was planned it goes on."""

    @property
    def lift(self) -> bool:
        return len(set(self.rates)) > 1


@dataclass(frozen=True)
class Claims:
    """What was claimed of one experiment."""

    day: int | None  # the first of a claim
    right: bool  # whether it was one of what is truly better
    guarded: bool  # whether the guard would have stopped an arm
    fixed: bool  # whether looks at the usual interval had claimed anything
    once: bool  # whether its look at the end had
    split: bool  # whether the split was doubted on any day


def clicks(rng: np.random.Generator, rates: Floats) -> Floats:
    """Whether each visitor clicked."""
    return (rng.random(len(rates)) < rates).astype(np.float64)


def revenue(rng: np.random.Generator, rates: Floats) -> Floats:
    """What each visitor paid: mostly nothing, seldom very much."""
    return clicks(rng, rates) * rng.lognormal(3.0, 1.0, len(rates))


WORLDS = [
    World("A/A clicks of 10 %", (0.10, 0.10), clicks),
    World("A/A conversions of 3 %", (0.03, 0.03), clicks),
    World("A/A conversions of 3 %, three times as long", (0.03, 0.03), clicks, on=3.0),
    World("A/A revenue", (0.03, 0.03), revenue),
    World("A/A/A/A clicks of 10 %", (0.10, 0.10, 0.10, 0.10), clicks),
    World("A/B clicks of 10 % and 12 %", (0.10, 0.12), clicks),
    World("A/B conversions of 3 % and 3.6 %", (0.03, 0.036), clicks),
    World("A/B clicks of 10 % and 12 %, planned", (0.10, 0.12), clicks, planned=True),
    World("A/B conversions of 3 % and 3.6 %, planned", (0.03, 0.036), clicks, planned=True),
    World("A/B revenue of 3 % and 3.6 %, planned", (0.03, 0.036), revenue, planned=True),
]


def main(arguments: list[str] | None = None) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    options = parser().parse_args(arguments)
    report: list[dict[str, object]] = []
    print(f"{options.experiments} experiments each, {options.days} days of {options.visitors} visitors, error rate 5 %")
    print(f"{'world':44}{'days':>6}{'claims':>8}{'right':>8}{'day':>6}{'guard':>8}{'fixed':>8}{'once':>8}{'split':>8}")
    for world in WORLDS:
        report += show(world, days_of(world, options, np.random.default_rng(options.seed)), run(world, options))
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--experiments", type=int, default=1000)
    made.add_argument("--days", type=int, default=28)
    made.add_argument("--visitors", type=int, default=800, help="new ones a day, of all arms together")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--json")
    return made


def run(world: World, options: argparse.Namespace) -> list[Claims]:
    rng = np.random.default_rng(options.seed)
    days = days_of(world, options, rng)
    return [experiment(world, number, days, options.visitors, rng) for number in range(options.experiments)]


def days_of(world: World, options: argparse.Namespace, rng: np.random.Generator) -> int:
    """As many as asked for, or as the planner says after four weeks of the control."""
    if not world.planned:
        return int(options.days)
    seen = np.concatenate(
        [mood(world.rates[0], day, np.ones(round(options.visitors * WEEK[day % 7]))) for day in range(28)]
    )
    control = add(Sample(), world.numbers(rng, np.tile(seen, 40)))
    visitors = needed(control, world.rates[1] / world.rates[0] - 1, alpha=0.05) or 0
    return math.ceil(visitors / (options.visitors * float(np.mean(WEEK))))


def mood(rate: float, day: int, visitors: Floats) -> Floats:
    """The rate of each of a day's visitors: on busy days they do less."""
    return visitors * rate * (2 - WEEK[day % 7])


class Hashed:
    """The arms that the product's hash gives to visitors 0, 1, 2 … of an experiment, asked for once for all worlds."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], npt.NDArray[np.uint8]] = {}

    def arms(self, number: int, arms: int, first: int, last: int) -> npt.NDArray[np.uint8]:
        """Of the visitors from `first` up to `last`."""
        from mtrec_django.serving.splitting import Split, Trial

        placed = self.known.get((number, arms), np.empty(0, np.uint8))
        if len(placed) < last:
            trials = tuple(Trial(str(arm), 1, None, {}, False, False) for arm in range(arms))
            split = Split(f"{arms} arms, {number}", 100.0, 0.0, float("inf"), trials)
            more = [int(split.arm_of(f"user {visitor}", now=1.0)) for visitor in range(len(placed), last)]
            placed = self.known[number, arms] = np.append(placed, np.array(more, np.uint8))
        return placed[first:last]


HASHED = Hashed()


def experiment(world: World, number: int, days: int, visitors: int, rng: np.random.Generator) -> Claims:
    """One experiment, looked at after each of its days."""
    arms = len(world.rates)
    samples = [Sample()] * arms
    horizon = round(days * visitors * float(np.mean(WEEK)) * 2 / arms)
    first, right, guarded, fixed, once, doubted, came = None, False, False, False, False, False, 0
    for day in range(round(days * world.on)):
        today = rng.poisson(visitors * WEEK[day % 7])
        placed = HASHED.arms(number, arms, came, came + today)
        came += today
        numbers = world.numbers(rng, mood(1.0, day, np.array(world.rates)[placed]))
        samples = [add(sample, numbers[placed == arm]) for arm, sample in enumerate(samples)]
        looks = compare(samples, horizon)
        guarded |= any(look is not None and look.worse for look in looks)
        if first is None and any(look is not None and (look.better or look.worse) for look in looks):
            first = day + 1
            right = any(
                look is not None and look.better and rate > world.rates[0]
                for look, rate in zip(looks, world.rates[1:], strict=True)
            )
        once = any(claimed_once(sample, samples[0]) for sample in samples[1:])
        fixed |= once
        doubted |= split_doubt([sample.n for sample in samples], [1] * len(samples)) < BROKEN_SPLIT
    return Claims(first, right, guarded, fixed, once, doubted)


def add(sample: Sample, numbers: Floats) -> Sample:
    return sample + Sample(len(numbers), float(numbers.sum()), float((numbers**2).sum()), int((numbers > 0).sum()))


def compare(samples: Sequence[Sample], horizon: int) -> list[Difference | None]:
    """As the product does: each arm with the control, the error rate divided between them."""
    alpha = 0.05 / (len(samples) - 1)
    return [difference(sample, samples[0], alpha=alpha, horizon=horizon) for sample in samples[1:]]


def claimed_once(arm: Sample, control: Sample) -> bool:
    """By the interval that is meant for one look."""
    if not arm.enough or not control.enough:
        return False
    error = (arm.variance / arm.n + control.variance / control.n) ** 0.5
    return abs(arm.total / arm.n - control.total / control.n) > FIXED * error


def show(world: World, lasted: int, claims: list[Claims]) -> list[dict[str, object]]:
    n = len(claims)
    days = [claim.day for claim in claims if claim.day is not None]
    shares = {
        "claims": len(days) / n,
        "right": sum(claim.right for claim in claims) / n,
        "guard": sum(claim.guarded for claim in claims) / n,
        "fixed": sum(claim.fixed for claim in claims) / n,
        "once": sum(claim.once for claim in claims) / n,
        "split": sum(claim.split for claim in claims) / n,
    }
    day = float(np.median(days)) if days else float("nan")
    cells = f"{shares['claims']:8.1%}" + (f"{shares['right']:8.1%}{day:6.0f}" if world.lift else f"{'':8}{'':6}")
    print(
        f"{world.name:44}{lasted:6}{cells}"
        + "".join(f"{shares[name]:8.1%}" for name in ("guard", "fixed", "once", "split")),
        flush=True,
    )
    shares |= {"days": lasted, "median day": day}
    return [
        {"name": f"{world.name}: {name}", "value": value, "unit": "days" if "day" in name else "share"}
        for name, value in shares.items()
    ]


if __name__ == "__main__":
    main()
