"""How long an experiment must go on to find what one hopes for, by what the scenario's visitors did of late."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

from django.db import connection
from django.utils import timezone

from ..inference.confidence import Sample, needed
from ..models import Arm, ArmDay, Experiment
from .effects import alpha_of
from .experiments import DID, FIRST, SUMS, asked_of

BACK = 28
"""Days whose visitors are looked at."""
SETTLED = 14
"""Of these, the last so many say how many new visitors a day brings once the usual ones have all come."""
MORE = 1.1
"""How many times the visitors that are needed are planned: the last day of counting may go past what was needed."""
LIFTS = (0.05, 0.1, 0.2, 0.5)
LONGEST = 730
"""Days beyond which nobody waits."""

_NEW = f"""
with first as ({FIRST})
select extract(day from %(end)s - seen)::int as back, count(*) from first group by back
"""  # noqa: S608 - of constants

_DID = f"""
with first as ({FIRST}), due as (select visitor_id, seen, seen + %(days)s as over from first), did as ({DID})
select {SUMS} from did
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Traffic:
    """The visitors of a scenario in the last `BACK` days."""

    new: tuple[int, ...]
    """How many came for the first time in them on each day, the oldest first. [days]"""
    did: ArmDay
    """What those did whose days are over, as if they were one arm; not stored."""

    def days_until(self, visitors: float) -> int | None:
        """After how many days so many different visitors will have come; None where that is out of sight."""
        for day, came in enumerate(accumulate(self.new), 1):
            if came >= visitors:
                return day
        a_day = sum(self.new[-SETTLED:]) / SETTLED
        missing = visitors - sum(self.new)
        if missing > a_day * LONGEST:
            return None
        return len(self.new) + math.ceil(missing / a_day)


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to find one lift."""

    lift: float
    visitors: int | None  # of all arms; None where nothing is known of what they do
    days: int | None  # None where they will not come in two years

    @property
    def percent(self) -> float:
        return 100 * self.lift


def traffic(experiment: Experiment) -> Traffic:
    """Who came to the experiment's scenario of late, whatever arm he was in."""
    now = timezone.now()
    place, begin = experiment.scenario, now - timedelta(days=BACK)
    values = asked_of(place, begin, now, now, days=experiment.days) | {"in_arms": False}
    with connection.cursor() as cursor:
        cursor.execute(_NEW, values)
        came = dict(cursor.fetchall())
        cursor.execute(_DID, values)
        visitors, clicked, converted, paid, revenue, squares = cursor.fetchone()
    did = ArmDay(
        visitors=visitors,
        clicked=clicked,
        converted=converted,
        paid=paid,
        revenue=revenue,
        revenue_squares=squares,
    )
    return Traffic(tuple(came.get(back, 0) for back in reversed(range(BACK))), did)


def plans(experiment: Experiment, seen: Traffic) -> list[Plan]:
    """For each of some lifts, in the metric that decides, for the arm with the smallest share."""
    arms = list(experiment.arms.all())
    control = next((arm.share for arm in arms if arm.role == Arm.Role.CONTROL), 0)
    others = [arm.share for arm in arms if arm.role != Arm.Role.CONTROL]
    if not control or not others:
        return []
    fewest, whole = min(others), control + sum(others)
    now, alpha = Sample(*seen.did.sums(experiment.metric)), alpha_of(experiment, arms)
    found = []
    for lift in LIFTS:
        both = needed(now, lift, alpha=alpha, share=fewest / (fewest + control)) if now.enough else None
        visitors = math.ceil(MORE * both * whole / (fewest + control)) if both else None
        days = seen.days_until(visitors * 100 / experiment.traffic) if visitors else None
        found.append(Plan(lift, visitors, days + experiment.days if days else None))
    return found
