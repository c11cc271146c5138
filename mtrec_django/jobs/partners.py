"""What is bought together, counted in SQL over the site's own orders; no version has to exist."""

from __future__ import annotations

from django.db import connection, transaction

KIND = "purchase"
DAYS = 365
"""Orders older than that, against the newest, do not count."""
LARGEST = 100
"""Larger orders are no taste: a stock-up, an import, a test."""
SUPPORT = 2
"""Two items must be in so many orders together."""
KEPT = 50
"""Partners of each item."""

# An order is a basket of one visitor; purchases without a basket are one where they were made within one minute.
_COUNT = """
with newest as (
    select max(time) as time from mtrec_feedback where kind = %(kind)s and time <= now()
), lines as (
    select distinct f.visitor_id, f.item_id,
           case when f.basket <> '' then f.basket else to_char(f.time, 'YYYY-MM-DD HH24:MI') end as basket
    from mtrec_feedback f cross join newest n
    where f.kind = %(kind)s and f.time > n.time - %(days)s * interval '1 day' and f.time <= n.time
), sized as (
    select *, count(*) over (partition by visitor_id, basket) as size from lines
), counts as (
    select item_id, sqrt(count(*)) as length from lines group by item_id
), pairs as (
    select a.item_id, b.item_id as other, count(*) as together
    from sized a join sized b using (visitor_id, basket)
    where a.size between 2 and %(largest)s and a.item_id <> b.item_id
    group by a.item_id, b.item_id having count(*) >= %(support)s
), ranked as (
    select p.item_id, p.other, p.together / (a.length * b.length) as weight,
           row_number() over (
               partition by p.item_id order by p.together / (a.length * b.length) desc, p.other
           ) as place
    from pairs p join counts a on a.item_id = p.item_id join counts b on b.item_id = p.other
), listed as (
    select item_id, array_agg(other order by place) as others, array_agg(weight order by place) as weights
    from ranked where place <= %(kept)s group by item_id
), gone as (
    delete from mtrec_itempartners t where not exists (select from listed l where l.item_id = t.item_id)
)
insert into mtrec_itempartners (item_id, others, weights)
select item_id, others, weights from listed order by item_id
on conflict (item_id) do update set others = excluded.others, weights = excluded.weights
where (mtrec_itempartners.others, mtrec_itempartners.weights) is distinct from (excluded.others, excluded.weights)
"""


def refresh_partners() -> int:
    """Count anew; returns how many items have other partners than before.

    The weight of a pair is the cosine of the two items' orders: how often together, over the root of how often each.
    Rows are locked in one order, so two at once do not deadlock.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_COUNT, {"kind": KIND, "days": DAYS, "largest": LARGEST, "support": SUPPORT, "kept": KEPT})
        return int(cursor.rowcount)
