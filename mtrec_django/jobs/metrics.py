"""What came of what was shown, counted day by day into tables that the pages read.

An event belongs to the answer that it names; a conversion that names none belongs to the answer on which the visitor
last clicked this very item within a week. Everything is booked on the day on which the list was shown.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from ..catalog.registry import sources
from ..models import Item, Recommendation, Scenario, ScenarioDay
from ..models.locks import LOCK_SPACE, Lock
from .experiments import LOUD

ATTRIBUTION = timedelta(days=7)
"""How long after a click a conversion on the same item is still due to it."""

BACK = 28
"""Days before today that are counted where nothing was counted yet, and over which items are counted as shown."""

RECOUNT = timedelta(hours=12)
"""How old the count of a day that may still change is let become; today and yesterday are counted each time."""

_ANSWERS = """
with wanted as materialized (
    select * from jsonb_to_recordset(%(wanted)s::jsonb) as w(scenario_id bigint, conversions text[], money text[])
), loud as (
    select visitor_id from mtrec_recommendation
    where created_at >= %(begin)s and created_at < %(end)s and visitor_id is not null
    group by visitor_id having count(*) > %(loud)s
), answers as materialized (
    select r.id, r.scenario_id, r.version_id, r.arm, r.items
    from mtrec_recommendation r join wanted w on w.scenario_id = r.scenario_id
    where r.created_at >= %(begin)s and r.created_at < %(end)s
      and not exists (select from loud l where l.visitor_id = r.visitor_id)
), direct as materialized (
    select a.id as answer, a.scenario_id, f.id, f.visitor_id, f.item_id, f.kind, f.value, f.time
    from answers a join mtrec_feedback f on f.recommendation = a.id
    where f.kind <> 'impression'
)
"""

_ANSWER_DAYS = """
, later as (
    select distinct on (e.id) c.answer, c.scenario_id, e.id, e.kind, e.value
    from direct c
    join wanted w on w.scenario_id = c.scenario_id
    join mtrec_feedback e on e.visitor_id = c.visitor_id and e.item_id = c.item_id
        and e.time >= c.time and e.time < c.time + %(attribution)s
        and e.recommendation is null and e.kind = any(w.conversions || w.money)
    where c.kind = 'click' and not exists (
        select from mtrec_feedback n
        where n.visitor_id = c.visitor_id and n.item_id = c.item_id and n.kind = 'click'
          and n.recommendation is not null and n.time > c.time and n.time <= e.time
    )
    order by e.id, c.time desc
), events as (
    select answer, scenario_id, id, kind, value, true as direct from direct
    union all
    select answer, scenario_id, id, kind, value, false from later
), came as (
    select e.answer,
           bool_or(e.direct) as led_on,
           count(*) filter (where e.kind = 'click') as clicks,
           count(*) filter (where e.kind = any(w.conversions)) as conversions,
           coalesce(sum(e.value) filter (where e.kind = any(w.money)), 0) as revenue
    from events e join wanted w on w.scenario_id = e.scenario_id
    group by e.answer
)
insert into mtrec_answerday
    (scenario_id, version_id, arm, day, answers, clicked, clicks, converted, conversions, revenue)
select a.scenario_id, a.version_id, a.arm, %(day)s, count(*),
       count(*) filter (where c.led_on), coalesce(sum(c.clicks), 0),
       count(*) filter (where c.conversions > 0), coalesce(sum(c.conversions), 0), coalesce(sum(c.revenue), 0)
from answers a left join came c on c.answer = a.id
group by a.scenario_id, a.version_id, a.arm
"""

_POSITION_DAYS = """
, shown as (
    select scenario_id, place, count(*) as shown
    from answers cross join generate_series(0, cardinality(items) - 1) as place
    group by scenario_id, place
), clicks as (
    select d.scenario_id, array_position(a.items, d.item_id) - 1 as place, count(*) as clicks
    from direct d join answers a on a.id = d.answer
    where d.kind = 'click'
    group by 1, 2
)
insert into mtrec_positionday (scenario_id, day, position, shown, clicks)
select s.scenario_id, %(day)s, s.place, s.shown, coalesce(c.clicks, 0)
from shown s left join clicks c on c.scenario_id = s.scenario_id and c.place = s.place
"""

_ADD_TALLIES = """
with taken as (
    delete from mtrec_tally returning scenario_id, day, consented, refused, crawled
)
insert into mtrec_scenarioday (scenario_id, day, consented, refused, crawled)
select scenario_id, day, sum(consented), sum(refused), sum(crawled) from taken group by scenario_id, day
on conflict (scenario_id, day) do update set
    consented = mtrec_scenarioday.consented + excluded.consented,
    refused = mtrec_scenarioday.refused + excluded.refused,
    crawled = mtrec_scenarioday.crawled + excluded.crawled
"""

_ITEMS_SHOWN = """
select r.scenario_id, count(distinct item)
from mtrec_recommendation r cross join unnest(r.items) as item
where r.created_at >= %(begin)s and r.created_at < %(end)s and r.scenario_id is not null
group by r.scenario_id
"""


def refresh_metrics() -> list[date]:
    """Count the days whose figures may have changed; gives them. Nothing where another worker is at it."""
    counted = []
    with connection.cursor() as cursor:
        cursor.execute(_ADD_TALLIES)
    for day in due(timezone.now()):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, Lock.METRICS])
            row = cursor.fetchone()
            if row is None or not row[0]:
                break
            _count(day)
            counted.append(day)
    return counted


def due(now: datetime) -> list[date]:
    """Days to count, the oldest first: today, yesterday, what was never counted, and what may have changed since."""
    today = timezone.localdate(now)
    first = Recommendation.objects.order_by("created_at").values_list("created_at", flat=True).first()
    if first is None:
        return [today]
    begin = max(timezone.localdate(first), today - timedelta(days=BACK))
    rows = ScenarioDay.objects.filter(day__gte=begin, counted_at__isnull=False).values_list("day", "counted_at")
    counted = dict(rows.order_by("counted_at"))
    days = [begin + timedelta(days=at) for at in range((today - begin).days + 1)]
    return [day for day in days if _is_due(day, counted.get(day), now)]


def _is_due(day: date, counted_at: datetime | None, now: datetime) -> bool:
    if counted_at is None or day >= timezone.localdate(now) - timedelta(days=1):
        return True
    final = _moment(day + timedelta(days=1)) + ATTRIBUTION
    return counted_at < final and (now - counted_at >= RECOUNT or now >= final)


def _count(day: date) -> None:
    places = list(Scenario.objects.all())
    wanted = [{"scenario_id": place.pk, "conversions": place.conversions, "money": place.money} for place in places]
    values: dict[str, Any] = {
        "wanted": json.dumps(wanted),
        "day": day,
        "begin": _moment(day),
        "end": _moment(day + timedelta(days=1)),
        "attribution": ATTRIBUTION,
        "loud": LOUD,
    }
    with connection.cursor() as cursor:
        cursor.execute("delete from mtrec_answerday where day = %s", [day])
        cursor.execute(_ANSWERS + _ANSWER_DAYS, values)
        cursor.execute("delete from mtrec_positionday where day = %s", [day])
        cursor.execute(_ANSWERS + _POSITION_DAYS, values)
    _note(places, day)


def _note(places: list[Scenario], day: date) -> None:
    """That the day is counted; and for today, how much of the catalogue was shown of late."""
    fields = ["counted_at"]
    shown: dict[int, int] = {}
    available: dict[str, int] = {}
    if day == timezone.localdate():
        fields += ["items_shown", "items_available"]
        with connection.cursor() as cursor:
            span = {"begin": _moment(day - timedelta(days=BACK - 1)), "end": _moment(day + timedelta(days=1))}
            cursor.execute(_ITEMS_SHOWN, span)
            shown = dict(cursor.fetchall())
        labels = Item.objects.filter(available=True).values_list("source", flat=True).distinct()
        available = {label: Item.objects.filter(available=True, source=label).count() for label in labels}
    rows = [
        ScenarioDay(
            scenario=place,
            day=day,
            counted_at=timezone.now(),
            items_shown=shown.get(place.pk, 0),
            items_available=sum(available.get(label, 0) for label in place.sources or sources()),
        )
        for place in places
    ]
    ScenarioDay.objects.bulk_create(
        rows, update_conflicts=True, update_fields=fields, unique_fields=["scenario", "day"]
    )


def _moment(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
