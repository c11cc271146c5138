"""Many that come at once to a Postgres which is to be their broker, and is empty."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from kombu import Connection

from example_project.environment import broker_of
from mtrec_django import broker
from mtrec_django.receivers import _worker_starts

AT_ONCE = 6


@pytest.fixture
def empty(postgres_uri: str) -> Iterator[str]:
    """Address of a database without tables, which no other test has used."""
    name = f"broker_{uuid4().hex}"
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        try:
            yield postgres_uri.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"drop database {name} with (force)")


def queues_in(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select name from kombu_queue order by name").fetchall()]


def test_all_that_come_at_once_find_their_queues(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_made", NothingKept())
    together = threading.Barrier(AT_ONCE)

    def come(_number: int) -> None:
        with Connection(broker_of(empty)) as connection:
            together.wait()
            broker.prepare(connection, ["light", "heavy"])

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert list(threads.map(come, range(AT_ONCE))) == [None] * AT_ONCE
    assert queues_in(empty) == ["heavy", "light"]


class NothingKept(set[tuple[str, str]]):
    """As in processes that have just begun, each of which looks for itself."""

    def update(self, *others: Any) -> None:
        pass


def test_what_was_made_is_not_looked_for_again(empty: str) -> None:
    with Connection(broker_of(empty)) as connection:
        broker.prepare(connection, ["light"])
        with psycopg.connect(empty) as other:
            other.execute("drop table kombu_message, kombu_queue")
        broker.prepare(connection, ["light"])
        with pytest.raises(psycopg.errors.UndefinedTable):
            queues_in(empty)
        broker.prepare(connection, ["another"])
    assert queues_in(empty) == ["another"]


def test_brokers_of_other_kinds_are_not_asked() -> None:
    with Connection("amqp://guest@127.0.0.1:1//") as connection:
        broker.prepare(connection, ["light"])
        assert not connection.connected


def test_a_worker_says_that_its_tasks_have_no_time_limit(empty: str, caplog: pytest.LogCaptureFixture) -> None:
    from celery import Celery
    from celery.concurrency.prefork import TaskPool as Processes
    from celery.concurrency.thread import TaskPool as Threads

    app = Celery(broker=broker_of(empty), set_as_current=False)
    app.amqp.queues.select(["light"])
    for pool, said in ((Processes, []), (Threads, ["celery.concurrency.thread:TaskPool"])):
        caplog.clear()
        _worker_starts(instance=type("Worker", (), {"app": app, "pool_cls": pool}))
        assert [record.args for record in caplog.records] == [(words,) for words in said]
    assert queues_in(empty) == ["light"]
