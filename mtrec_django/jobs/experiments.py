"""Counting experiments, and stopping arms that do harm. Safe to run twice, and twice at once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from ..models import Arm, ArmDay, Experiment, Scenario
from .effects import outcome

logger = logging.getLogger(__name__)

LOUD = 500
"""Lists a day beyond which a visitor is no person."""

# A visitor is counted once, by the arm of his first list, when his days are over: so his number never changes, which
# the intervals need. Whoever was merged into a user at log-in keeps the arm that he saw first.
FIRST = """
    select r.visitor_id, (array_agg(r.arm order by r.created_at, r.id))[1] as arm, min(r.created_at) as seen
    from mtrec_recommendation r
    where r.scenario_id = %(scenario)s and r.created_at >= %(begin)s and r.created_at < %(end)s
      and (r.arm <> '' or not %(in_arms)s) and r.visitor_id is not null
    group by r.visitor_id
    having count(*) <= %(loud)s * (1 + extract(day from max(r.created_at) - min(r.created_at)))
"""
"""SELECT of the first list of each visitor that is no robot."""

DID = """
    select d.*, coalesce(e.clicked, 0) as clicked, coalesce(e.converted, 0) as converted,
           coalesce(e.revenue, 0) as revenue
    from due d left join lateral (
        select max((e.recommendation is not null and e.scenario_id = %(scenario)s and e.kind <> 'impression')::int)
                   as clicked,
               max((e.kind = any(%(conversions)s::text[]))::int) as converted,
               sum(e.value) filter (where e.kind = any(%(money)s::text[])) as revenue
        from mtrec_feedback e
        where e.visitor_id = d.visitor_id and e.time >= d.seen and e.time < d.over
    ) e on true
    where d.over <= %(now)s
"""
"""SELECT of what each visitor of `due` did until his days were over."""

SUMS = """
    count(*), coalesce(sum(clicked), 0), coalesce(sum(converted), 0), count(*) filter (where revenue > 0),
    coalesce(sum(revenue), 0), coalesce(sum(revenue * revenue), 0)
"""

_COUNT = f"""
with first as ({FIRST}), due as (
    select a.id as arm_id, f.visitor_id, f.seen, f.seen + %(days)s as over,
           ((f.seen + %(days)s) at time zone %(zone)s)::date as day
    from first f join mtrec_arm a on a.experiment_id = %(experiment)s and a.name = f.arm
), did as ({DID} and d.day >= %(since)s)
insert into mtrec_armday (arm_id, day, visitors, clicked, converted, paid, revenue, revenue_squares)
select arm_id, day, {SUMS} from did group by arm_id, day
"""  # noqa: S608 - of constants


def refresh_experiments() -> int:
    """Count every experiment that is not settled, end what is due, stop what does harm; gives how many were counted."""
    now = timezone.now()
    begun = Experiment.objects.filter(starts_at__lte=now)
    return sum(_refresh(experiment.pk, now) for experiment in begun if not _settled(experiment))


def _settled(experiment: Experiment) -> bool:
    """Whether the days of the last visitor were over at the last count."""
    if experiment.ended_at is None or experiment.counted_at is None:
        return False
    return experiment.counted_at >= experiment.ended_at + timedelta(days=experiment.days)


def _refresh(pk: int, now: datetime) -> int:
    with transaction.atomic():
        # Another worker at the same experiment is left to it.
        rows = Experiment.objects.select_for_update(of=("self",), skip_locked=True).select_related("scenario")
        experiment = rows.filter(pk=pk).first()
        if experiment is None:
            return 0
        if experiment.ended_at is None and experiment.ends_at is not None and experiment.ends_at <= now:
            experiment.ended_at = experiment.ends_at
        _count(experiment, now)
        experiment.counted_at = now
        experiment.save(update_fields=["ended_at", "counted_at"])
        if experiment.ended_at is None:
            guard(experiment)
    return 1


def _count(experiment: Experiment, now: datetime) -> None:
    """The last day that was counted anew, since it may not have been over, and those after it."""
    days = ArmDay.objects.filter(arm__experiment=experiment)
    last = days.order_by("-day").values_list("day", flat=True).first()
    since = last or timezone.localdate(experiment.starts_at)
    days.filter(day__gte=since).delete()
    place = experiment.scenario
    values = asked_of(place, experiment.starts_at, experiment.ended_at or now, now, days=experiment.days)
    values |= {"experiment": experiment.pk, "since": since, "in_arms": True}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)


def asked_of(place: Scenario, begin: datetime | None, end: datetime, now: datetime, *, days: int) -> dict[str, Any]:
    """What `FIRST` and `DID` ask of a scenario."""
    return {
        "scenario": place.pk,
        "begin": begin,
        "end": end,
        "days": timedelta(days=days),
        "zone": timezone.get_current_timezone_name(),
        "conversions": place.conversions,
        "money": place.money,
        "now": now,
        "loud": LOUD,
    }


def guard(experiment: Experiment) -> list[Arm]:
    """Stop each variant that is surely worse than the control; with the last of them the experiment ends."""
    if not experiment.guard:
        return []
    stopped = []
    effects = [effect for effect in outcome(experiment).effects if effect.arm.role == Arm.Role.VARIANT]
    for effect in effects:
        against = effect.differences.get(experiment.guard)
        if effect.arm.stopped_at is None and against is not None and against.worse:
            effect.arm.stopped_at = timezone.now()
            effect.arm.save(update_fields=["stopped_at"])
            stopped.append(effect.arm)
            logger.warning("mtrec: arm %s of experiment %s is stopped by the guard", effect.arm, experiment)
    if stopped and all(effect.arm.stopped_at for effect in effects):
        experiment.end()
    return stopped
