"""Popularity and trend of every item in every scenario, counted in SQL.

Popularity is the very prior that the live version's blend was weighed with: the same events, the same half-life.
"""

from __future__ import annotations

import json

from django.db import connection, transaction
from django.utils import timezone

from ..models import Scenario

DAY = 86_400

HALF_LIFE = 90.0 * DAY
"""Of popularity, where no version says what serves best. In seconds; 0 is no decay."""

TREND_HALF_LIFE = 7.0 * DAY
"""An event of that age counts half in the trend."""

# Age runs from the newest event, not from now: a history that ends last year still has a trend.
_COUNT = """
with goal as (
    select key as kind, value::float8 as weight from jsonb_each_text(%(goal)s::jsonb) where value::float8 > 0
), newest as (
    select max(time) as time from mtrec_feedback where time <= now()
), wanted as (
    {wanted}
), counted as (
    select w.item_id,
           sum(g.weight) as count,
           sum(g.weight * power(0.5, a.seconds / %(half_life)s)) as popular,
           sum(g.weight * power(0.5, least(1000, a.seconds / %(trend)s))) as trending
    from wanted w
    join goal g on g.kind = w.kind
    cross join newest n
    cross join lateral (select greatest(0, extract(epoch from n.time - w.time))::float8 as seconds) a
    group by w.item_id
), gone as (
    delete from mtrec_itemscore s
    where s.scenario_id = %(scenario)s and not exists (select from counted c where c.item_id = s.item_id)
    returning 1
), changed as (
    insert into mtrec_itemscore (scenario_id, item_id, count, popular, trending)
    select %(scenario)s, item_id, count, popular, trending from counted order by item_id
    on conflict (scenario_id, item_id) do update
    set count = excluded.count, popular = excluded.popular, trending = excluded.trending
    where (mtrec_itemscore.count, mtrec_itemscore.popular, mtrec_itemscore.trending)
          is distinct from (excluded.count, excluded.popular, excluded.trending)
    returning 1
)
select (select count(*) from gone) + (select count(*) from changed)
"""

_EVERY = """
select item_id, kind, time from mtrec_feedback
where kind in (select kind from goal) and (scenario_id is null or scenario_id = %(scenario)s)
"""

# Where a scenario wants nothing twice, that somebody came back for more says nothing to others.
_FIRST = """
select item_id, kind, min(time) as time from mtrec_feedback
where kind in (select kind from goal) and (scenario_id is null or scenario_id = %(scenario)s)
group by visitor_id, item_id, kind, scenario_id
"""


def refresh_scores() -> int:
    """Count anew; returns how many rows changed. Rows are locked in one order, so two at once do not deadlock."""
    changed = 0
    for scenario in Scenario.objects.filter(enabled=True).select_related("live_version__parent").order_by("pk"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                _COUNT.format(wanted=_EVERY if repeats(scenario) else _FIRST),
                {
                    "goal": json.dumps(scenario.goal),
                    "half_life": half_life(scenario) or 1e12,
                    "trend": TREND_HALF_LIFE,
                    "scenario": scenario.pk,
                },
            )
            (count,) = cursor.fetchone()
            if count:  # which tells the processes that serve it to read them anew
                Scenario.objects.filter(pk=scenario.pk).update(counted_at=timezone.now())
            changed += count
    return changed


def repeats(scenario: Scenario) -> bool:
    """Whether it wants items again: as it says, or as the live version's training measured."""
    if scenario.repeats is not None:
        return scenario.repeats
    base = scenario.live_version and (scenario.live_version.parent or scenario.live_version)
    return bool(base.report.get("repeats", {}).get(scenario.name, True)) if base else True


def half_life(scenario: Scenario) -> float:
    """Seconds after which an event counts half in the popularity that the live version was weighed with."""
    live = scenario.live_version
    if live is None:
        return HALF_LIFE
    base = live.parent or live
    return float(base.report.get("half_life", {}).get(scenario.name, HALF_LIFE))
