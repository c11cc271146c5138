"""What the arms of an experiment do beside its control, from the days that were counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
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
    compared = _compare(experiment, arms, total)
    effects = [Effect(arm, total[arm.pk], compared.get(arm.pk, {})) for arm in arms]
    counts = [effect.visitors for effect in effects]
    filled = [arm for arm in arms if arm.stopped_at is None]  # one that was stopped stays behind its share
    doubt = split_doubt(counts, [arm.share for arm in arms]) if len(filled) == len(arms) and any(counts) else 1.0
    return Outcome(effects, _course(experiment, arms, days), doubt)


def alpha_of(experiment: Experiment, arms: Iterable[Arm]) -> float:
    """The error rate of one comparison: that of the experiment, divided by how many there are (Bonferroni)."""
    return experiment.error_rate / max(1, len([arm for arm in arms if arm.role != Arm.Role.CONTROL]))


Samples = dict[str, Sample]  # by metric


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


def _compare(
    experiment: Experiment, arms: list[Arm], total: dict[int, Samples]
) -> dict[int, dict[str, Difference | None]]:
    control = next((arm for arm in arms if arm.role == Arm.Role.CONTROL), None)
    if control is None:
        return {}
    alpha = alpha_of(experiment, arms)
    return {
        arm.pk: {
            metric: difference(
                total[arm.pk][metric], total[control.pk][metric], alpha=alpha, horizon=experiment.horizon
            )
            for metric in Metric.values
        }
        for arm in arms
        if arm != control
    }


def _course(
    experiment: Experiment, arms: list[Arm], days: dict[date, dict[int, Samples]]
) -> list[tuple[date, dict[str, Difference | None]]]:
    total = {arm.pk: _added(()) for arm in arms}
    course = []
    for day, samples in sorted(days.items()):
        total = {pk: _added((before, samples.get(pk))) for pk, before in total.items()}
        compared = _compare(experiment, arms, total)
        course.append((day, {arm.name: compared[arm.pk][experiment.metric] for arm in arms if arm.pk in compared}))
    return course
