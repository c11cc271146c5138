"""SQL from parts, and one round trip for several statements."""

from __future__ import annotations

import pytest
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from mtrec_django.models import Scenario
from mtrec_django.retrieval.statement import Fragment, compose, join, longs, read, texts, write


def test_values_are_bound_in_the_order_of_the_text() -> None:
    inner = compose("a = {one} and b = {two}", two=2, one="1; drop table x")
    outer = compose(
        "select {column} from t where c = {three} and {inner}", inner=inner, column=Fragment("d"), three=[3]
    )
    assert outer == Fragment("select d from t where c = %s and a = %s and b = %s", ([3], "1; drop table x", 2))


def test_joined_fragments_keep_their_values() -> None:
    assert join(" and ", [Fragment("a = %s", (1,)), Fragment("b = %s", (2,))]) == Fragment("a = %s and b = %s", (1, 2))


@pytest.mark.django_db
def test_arrays_are_what_postgres_reads() -> None:
    words = ["plain", 'with "quotes"', "back\\slash", "{braces}, comma", "null", "", "%s"]
    asked = compose("select {n}::bigint[], {w}::text[]", n=longs([1, None, -(2**60)]), w=texts(words))
    assert read([asked], using=DEFAULT_DB_ALIAS) == [[([1, None, -(2**60)], words)]]


@pytest.mark.django_db(transaction=True)
def test_several_statements_are_one_round_trip() -> None:
    statements = [compose("select {a}::int", a=1), compose("select {b}::text union all select 'c' order by 1", b="b")]
    with CaptureQueriesContext(connection) as queries:
        assert read(statements, using=DEFAULT_DB_ALIAS, settings={"work_mem": "5MB"}) == [[(1,)], [("b",), ("c",)]]
    assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_settings_hold_for_the_statements_alone() -> None:
    shown = [Fragment("show work_mem")]
    (((before,),),) = read(shown, using=DEFAULT_DB_ALIAS)
    assert read(shown, using=DEFAULT_DB_ALIAS, settings={"work_mem": "5MB"}) == [[("5MB",)]]
    assert read(shown, using=DEFAULT_DB_ALIAS) == [[(before,)]]
    with transaction.atomic():
        assert read(shown, using=DEFAULT_DB_ALIAS, settings={"work_mem": "5MB"}) == [[("5MB",)]]
        assert read(shown, using=DEFAULT_DB_ALIAS) == [[(before,)]]


@pytest.mark.django_db
def test_an_atomic_block_survives_an_error() -> None:
    with transaction.atomic():
        Scenario.objects.create(name="kept")
        for send in (lambda bad: read([Fragment("select 1"), bad], using=DEFAULT_DB_ALIAS), _write):
            with pytest.raises(ProgrammingError, match="no_such_table"):
                send(Fragment("select * from no_such_table"))
        assert Scenario.objects.filter(name="kept").exists()


def _write(bad: Fragment) -> None:
    write(bad, using=DEFAULT_DB_ALIAS)


@pytest.mark.django_db
def test_what_was_written_stays() -> None:
    write(Fragment("update mtrec_scenario set title = 'other'"), using=DEFAULT_DB_ALIAS)
    assert set(Scenario.objects.values_list("title", flat=True)) <= {"other"}
    assert Scenario.objects.exists()
