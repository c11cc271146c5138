"""Statements that are sent again and again: planned once, in one round trip, whatever the connection keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from mtrec_django.models import Scenario
from mtrec_django.retrieval import pipeline
from mtrec_django.retrieval.statement import Fragment, Rows, compose, read, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection that has prepared nothing, and a process that was never refused."""
    monkeypatch.setattr(pipeline, "_refused", set())
    connection.close()
    yield
    connection.close()


def ask(number: int) -> list[Rows]:
    numbers = compose("select g::bigint, {word}::text from generate_series(1, {n}::int) as g", n=number, word="a")
    return read([numbers, Fragment("show work_mem")], using=DEFAULT_DB_ALIAS, settings={"work_mem": "5MB"}, again=True)


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select statement from pg_prepared_statements where statement like '%generate_series%'")
        return [statement for (statement,) in cursor.fetchall()]


def lose() -> None:
    """Take from the connection what it has prepared, as a pooler does that gives it another server's."""
    with connection.cursor() as cursor:
        cursor.execute("select name from pg_prepared_statements where statement like '%generate_series%'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'deallocate "{name}"')


def test_a_statement_is_planned_once_and_sent_with_the_others() -> None:
    with CaptureQueriesContext(connection) as queries:
        for number in (1, 2, 3):
            assert ask(number) == [[(one, "a") for one in range(1, number + 1)], [("5MB",)]]
    assert len(queries) == 3
    assert "generate_series(1, 2::int)" in queries[1]["sql"]
    assert len(prepared()) == 1


def test_what_is_written_again_is_planned_once_and_all_or_nothing() -> None:
    title = "update mtrec_scenario set title = {title}::text where name = {name}::text"
    Scenario.objects.create(name="one")
    for word in ("first", "second"):
        write(compose(title, title=word, name="one"), using=DEFAULT_DB_ALIAS, at_ease=True)
    assert Scenario.objects.get(name="one").title == "second"
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_prepared_statements where statement like 'update mtrec_scenario%'")
        assert cursor.fetchone() == (1,)
        cursor.execute("show synchronous_commit")
        assert cursor.fetchone() == ("on",)
    with pytest.raises(ProgrammingError, match="no_such_table"):
        write(compose(title, title="third", name="one"), Fragment("delete from no_such_table"), using=DEFAULT_DB_ALIAS)
    assert Scenario.objects.get(name="one").title == "second"


def test_a_connection_that_keeps_nothing_is_asked_without() -> None:
    ask(1)
    lose()
    assert ask(2)[0] == [(1, "a"), (2, "a")]
    assert not pipeline.may_prepare(connection)
    assert ask(1)[0] == [(1, "a")]
    assert prepared() == []


def test_nothing_is_prepared_with_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert ask(1)[0] == [(1, "a")]
    assert prepared() == []


def test_an_atomic_block_survives_an_error() -> None:
    with transaction.atomic():
        Scenario.objects.create(name="kept")
        with pytest.raises(ProgrammingError, match="no_such_table"):
            read([compose("select {n}::int from no_such_table", n=1)], using=DEFAULT_DB_ALIAS, again=True)
        assert ask(2)[0] == [(1, "a"), (2, "a")]
        assert Scenario.objects.filter(name="kept").exists()
    assert prepared() == []


def test_a_table_with_other_columns_is_asked_anew() -> None:
    with connection.cursor() as cursor:
        cursor.execute("create temporary table mtrec_changing as select 1 as a")
    asked = compose("select * from mtrec_changing where a = {n}::int", n=1)
    assert read([asked], using=DEFAULT_DB_ALIAS, again=True) == [[(1,)]]
    with connection.cursor() as cursor:
        cursor.execute("alter table mtrec_changing add b int default 2")
    assert read([asked], using=DEFAULT_DB_ALIAS, again=True) == [[(1, 2)]]
