"""Popularity and trend of every item in every scenario, counted in SQL."""

from __future__ import annotations

import json

from django.db import connection, transaction

from ..models import Scenario

WINDOW_DAYS = 90
"""How far back popularity counts."""

HALF_LIFE_DAYS = 7.0
"""An event of that age counts half in the trend."""

# Age runs from the newest event, not from now: a history that ends last year still has a trend.
_COUNT = """
with goal as (
    select key as kind, value::float8 as weight from jsonb_each_text(%(goal)s::jsonb) where value::float8 > 0
), newest as (
    select max(time) as time from mtrec_feedback where time <= now()
), counted as (
    select f.item_id,
           sum(g.weight) as count,
           coalesce(sum(g.weight) filter (where f.time > n.time - make_interval(days => %(window)s)), 0) as popular,
           sum(g.weight * power(0.5, least(1000, greatest(0, extract(epoch from n.time - f.time)) / %(half_life)s)))
               as trending
    from mtrec_feedback f
    join goal g on g.kind = f.kind
    cross join newest n
    where f.scenario_id is null or f.scenario_id = %(scenario)s
    group by f.item_id
)
insert into mtrec_itemscore (scenario_id, item_id, count, popular, trending)
select %(scenario)s, item_id, count, popular, trending from counted order by item_id
on conflict (scenario_id, item_id) do update
set count = excluded.count, popular = excluded.popular, trending = excluded.trending
where (mtrec_itemscore.count, mtrec_itemscore.popular, mtrec_itemscore.trending)
      is distinct from (excluded.count, excluded.popular, excluded.trending)
"""


def refresh_scores() -> int:
    """Count anew; returns how many rows changed. Rows are locked in one order, so two at once do not deadlock."""
    changed = 0
    for scenario in Scenario.objects.filter(enabled=True).order_by("pk"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                _COUNT,
                {
                    "goal": json.dumps(scenario.goal),
                    "window": WINDOW_DAYS,
                    "half_life": HALF_LIFE_DAYS * 86400,
                    "scenario": scenario.pk,
                },
            )
            changed += cursor.rowcount
    return changed
