"""What the arms of an experiment do beside its control, from the days that were counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from ..inference.confidence import Difference, Sample, difference, split_doubt
from ..models import Arm, ArmDay, Experiment, Metric

BROKEN_SPLIT = 0.001
"""Below this p-value of the split, what divides visitors is at fault, or what counts them, and no figure is to be
believed."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One arm, with its difference from the control in each metric where there is enough to tell."""

    arm: Arm
    samples: dict[str, Sample]
    differences: dict[str, Difference | None] = field(default_factory=dict)

    @property
    def visitors(self) -> int:
        return self.samples[Metric.CLICK].n


@dataclass(frozen=True, slots=True)
class Outcome:
    """An experiment as far as it is counted."""

    effects: list[Effect]
    by_day: list[tuple[date, dict[str, Difference | None]]]
    """The difference in the metric that decides after each day, by arm."""
    split_doubt: float

    @property
    def split_is_broken(self) -> bool:
        return self.split_doubt < BROKEN_SPLIT


def outcome(experiment: Experiment) -> Outcome:
    """All arms over all days."""
    arms = list(experiment.arms.all())
    days = _by_day(arms)
    total = {arm.pk: _added(day.get(arm.pk) for day in days.values()) for arm in arms}
    course = _course(experiment, arms, days)
    compared = course[-1][1] if course else {}
    effects = [Effect(arm, total[arm.pk], compared.get(arm.pk, {})) for arm in arms]
    counts = [effect.visitors for effect in effects]
    filled = [arm for arm in arms if arm.stopped_at is None]  # one that was stopped stays behind its share
    doubt = split_doubt(counts, [arm.share for arm in arms]) if len(filled) == len(arms) and any(counts) else 1.0
    by_day = [
        (day, {arm.name: after[arm.pk][experiment.metric] for arm in arms if arm.pk in after}) for day, after in course
    ]
    return Outcome(effects, by_day, doubt)


def alpha_of(experiment: Experiment, arms: Iterable[Arm]) -> float:
    """The error rate of one comparison: that of the experiment, divided by how many there are (Bonferroni)."""
    return experiment.error_rate / max(1, len([arm for arm in arms if arm.role != Arm.Role.CONTROL]))


def horizon_of(experiment: Experiment, arm: Arm, arms: Sequence[Arm]) -> int:
    """Of the visitors planned for the experiment, those of one arm and its control."""
    shares = {each.pk: each.share for each in arms}
    control = next((each.share for each in arms if each.role == Arm.Role.CONTROL), 0)
    return max(1, round(experiment.horizon * (shares[arm.pk] + control) / sum(shares.values())))


Samples = dict[str, Sample]  # by metric
Compared = dict[int, dict[str, Difference | None]]  # by arm, by metric


def _by_day(arms: list[Arm]) -> dict[date, dict[int, Samples]]:
    found: dict[date, dict[int, Samples]] = defaultdict(dict)
    for row in ArmDay.objects.filter(arm__in=arms).order_by("day"):
        found[row.day][row.arm_id] = {metric: Sample(*row.sums(metric)) for metric in Metric.values}
    return found


def _added(days: Iterable[Samples | None]) -> Samples:
    total = dict.fromkeys(Metric.values, Sample())
    for day in days:
        if day is not None:
            total = {metric: sample + day[metric] for metric, sample in total.items()}
    return total


def _compare(experiment: Experiment, arms: list[Arm], total: dict[int, Samples]) -> Compared:
    control = next((arm for arm in arms if arm.role == Arm.Role.CONTROL), None)
    if control is None:
        return {}
    alpha, horizon = alpha_of(experiment, arms), {arm: horizon_of(experiment, arm, arms) for arm in arms}
    return {
        arm.pk: {
            metric: difference(total[arm.pk][metric], total[control.pk][metric], alpha=alpha, horizon=horizon[arm])
            for metric in Metric.values
        }
        for arm in arms
        if arm != control
    }


def _course(
    experiment: Experiment, arms: list[Arm], days: dict[date, dict[int, Samples]]
) -> list[tuple[date, Compared]]:
    """What was known after each day, in every metric: never less than the day before."""
    total = {arm.pk: _added(()) for arm in arms}
    known: Compared = {}
    course = []
    for day, samples in sorted(days.items()):
        total = {pk: _added((before, samples.get(pk))) for pk, before in total.items()}
        known = {
            pk: {metric: found and found.within(known.get(pk, {}).get(metric)) for metric, found in metrics.items()}
            for pk, metrics in _compare(experiment, arms, total).items()
        }
        course.append((day, known))
    return course
