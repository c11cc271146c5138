"""Events on their way in: a temporary table filled by COPY, joined and inserted in SQL, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connections, router, transaction
from django.db.backends.utils import CursorWrapper

from ..catalog.registry import sources
from ..catalog.sync import sync_objects
from ..models import Feedback
from ..models.locks import LOCK_SPACE, Lock
from .pseudonyms import keyed_by, lasting, pseudonym

if TYPE_CHECKING:
    from .history import ImportReport


class Row(NamedTuple):
    """One event; empty text is nothing."""

    source: str
    object_id: str
    user: str
    visitor: str
    kind: str
    value: float | None
    time: float  # unix seconds
    scenario: str
    basket: str
    key: str


_STAGE = """
drop table if exists pg_temp.mtrec_staged;
create temporary table mtrec_staged (
    source text, object_id text, user_ref text, visitor_ref text, kind text, value double precision,
    time double precision, scenario text, basket text, key text, lasting text, plain text
) on commit drop
"""
_COPY = (
    "copy mtrec_staged (source, object_id, user_ref, visitor_ref, kind, value, time, scenario, basket, key, lasting,"
    " plain) from stdin"
)

_UNKNOWN_ITEMS = """
select s.source, s.object_id, count(*) from mtrec_staged s
where not exists (select from mtrec_item i where i.source = s.source and i.object_id = s.object_id)
group by 1, 2 order by 1, 2
"""
_DROP_UNKNOWN_ITEMS = """
delete from mtrec_staged s
where not exists (select from mtrec_item i where i.source = s.source and i.object_id = s.object_id)
"""
# {users} and {key} are the user model's table and primary key, quoted by Django.
_MAKE_VISITORS_OF_USERS = """
insert into mtrec_visitor (key, user_id, features, created_at)
select gen_random_uuid(), u.{key}, '{{}}', coalesce(to_timestamp(min(nullif(s.time, 0))), now())
from mtrec_staged s join {users} u on u.{key}::text = s.user_ref
where not exists (select from mtrec_visitor v where v.user_id = u.{key})
group by u.{key} order by u.{key}
on conflict do nothing
"""
_MAKE_VISITORS = """
insert into mtrec_visitor (key, external_id, keyed_by, features, created_at)
select gen_random_uuid(), s.visitor_ref, %s, '{}', coalesce(to_timestamp(min(nullif(s.time, 0))), now())
from mtrec_staged s
where s.visitor_ref <> '' and not exists (select from mtrec_visitor v where v.external_id = s.visitor_ref)
group by s.visitor_ref order by s.visitor_ref
on conflict do nothing
"""
_UNKNOWN_USERS = """
select s.user_ref, count(*) from mtrec_staged s
where s.user_ref <> '' and not exists (select from mtrec_visitor v where v.user_id::text = s.user_ref)
group by 1 order by 1
"""
_INSERT = """
insert into mtrec_feedback (visitor_id, item_id, kind, value, time, scenario_id, basket, key)
select coalesce(u.id, v.id), i.id, s.kind, s.value, to_timestamp(s.time), p.id, s.basket,
    case when s.key <> '' then md5(uuid_send(coalesce(u.key, v.key)) || convert_to(s.key, 'UTF8'))::uuid
    else {key_of_lasting} end
from mtrec_staged s
join mtrec_item i on i.source = s.source and i.object_id = s.object_id
left join mtrec_visitor u on u.user_id::text = s.user_ref and s.user_ref <> ''
left join mtrec_visitor v on v.external_id = s.visitor_ref and s.visitor_ref <> ''
left join mtrec_scenario p on p.name = s.scenario
where coalesce(u.id, v.id) is not null
    and (s.plain = '' or s.key <> '' or not exists (select from mtrec_feedback f where f.key = {key_of_plain}))
on conflict (key) do nothing
"""
_KEY = """md5(concat_ws(
        '|', s.source, s.object_id, s.user_ref, {name}, s.kind, coalesce(s.value::text, ''), s.time, s.scenario,
        s.basket
    ))::uuid"""
# What came in before there were secrets is known by the name itself.
_INSERT = _INSERT.format(key_of_lasting=_KEY.format(name="s.lasting"), key_of_plain=_KEY.format(name="s.plain"))


def store(rows: Iterable[Row], report: ImportReport) -> None:
    """Insert what can be inserted, and count in the report what cannot."""
    using = router.db_for_write(Feedback)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        # Two imports at once would wait for each other's keys in different orders.
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, Lock.STAGING])
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(_disguised(row))
        cursor.execute("analyze mtrec_staged")
        _drop_unknown_items(cursor, report)
        _make_visitors(cursor, connections[using].ops.quote_name)
        cursor.execute(_UNKNOWN_USERS)
        unknown = 0
        for user, count in cursor.fetchall():
            report.skip("unknown user", user, count)
            unknown += count
        cursor.execute("select count(*) from mtrec_staged")
        usable = cursor.fetchone()[0] - unknown
        cursor.execute(_INSERT)
        report.imported += cursor.rowcount
        if usable > cursor.rowcount:
            report.skip("duplicate", "", usable - cursor.rowcount)


def analyze() -> None:
    """Tell the planner of the events that are new, before it plans counts over a table that it thinks is empty."""
    with connections[router.db_for_write(Feedback)].cursor() as cursor:
        cursor.execute("analyze mtrec_feedback")


def _disguised(row: Row) -> tuple[Any, ...]:
    """The row as it is staged: with what the visitor's name is stored as, and what stands for it in the event's key."""
    if not row.visitor:
        return (*row, "", "")
    lasts = lasting(row.visitor)
    return (*row._replace(visitor=pseudonym(row.visitor)), lasts, row.visitor if lasts != row.visitor else "")


def _drop_unknown_items(cursor: CursorWrapper, report: ImportReport) -> None:
    """Count the events on items that are none; an object that no sync has seen yet is brought in first."""
    cursor.execute(_UNKNOWN_ITEMS)
    missing: dict[str, list[str]] = {}
    for source, object_id, _ in cursor.fetchall():
        missing.setdefault(source, []).append(object_id)
    if not missing:
        return
    report.items += sum(sync_objects(label, missing[label]).created for label in missing.keys() & sources().keys())
    cursor.execute(_UNKNOWN_ITEMS)
    for _, object_id, count in cursor.fetchall():
        report.skip("unknown item", object_id, count)
    cursor.execute(_DROP_UNKNOWN_ITEMS)


def _make_visitors(cursor: CursorWrapper, quote: Callable[[str], str]) -> None:
    users = get_user_model()._meta
    cursor.execute(_MAKE_VISITORS_OF_USERS.format(users=quote(users.db_table), key=quote(str(users.pk.column))))
    made = cursor.rowcount
    cursor.execute(_MAKE_VISITORS, [keyed_by()])
    if made + cursor.rowcount:
        # What the planner knows of a table that was empty, or held guests only, is wrong for the join that follows.
        cursor.execute("analyze mtrec_visitor")
