"""A history comes in whole, or it is said what did not and why."""

from __future__ import annotations

import datetime
import math
import re
import tracemalloc
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from mtrec_django import Event
from mtrec_django.catalog.sync import sync
from mtrec_django.events import history
from mtrec_django.events.history import import_events
from mtrec_django.events.tracking import track_visitor
from mtrec_django.models import Feedback, Item, Scenario, Visitor
from tests.site.making import make_product, registered
from tests.site.models import Article, Product, Review

LABEL = "testsite.product"
TIME = datetime.datetime(2020, 5, 1, 12, tzinfo=datetime.UTC)
User = get_user_model()


@pytest.fixture
def lamp(db: None) -> Product:
    product = make_product(sku="L1", title="Lamp")
    sync([LABEL])
    return product


def event(lamp: Product, **fields: Any) -> Event:
    return Event(**{"object_id": lamp.pk, "kind": "view", "time": TIME, "visitor": "v1", **fields})


def test_everything_about_an_event_is_kept(lamp: Product) -> None:
    user = User.objects.create_user("ann")
    fields = {
        "kind": "purchase",
        "user": user.pk,
        "visitor": None,
        "value": 2.5,
        "basket": "o7",
        "scenario": "site-home",
    }
    report = import_events([event(lamp, **fields)], LABEL)
    assert (report.read, report.imported, dict(report.skipped)) == (1, 1, {})
    feedback = Feedback.objects.get()
    assert feedback.item == Item.objects.get()
    assert feedback.visitor.user == user
    assert (feedback.kind, feedback.value, feedback.time, feedback.basket) == ("purchase", 2.5, TIME, "o7")
    assert feedback.scenario == Scenario.objects.get(name="site-home")


def test_visitors_by_user_and_by_name(lamp: Product) -> None:
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    known = Visitor.objects.create(user=ann)
    named = Visitor.objects.create(external_id="v1")
    events = [
        event(lamp, user=ann.pk),  # the user counts, the name beside it does not
        event(lamp, user=bob),
        event(lamp, visitor="v1"),
        event(lamp, visitor="v2"),
        event(lamp, visitor="v2", kind="like"),
    ]
    assert import_events(events, LABEL).imported == 5
    assert known.feedback.count() == named.feedback.count() == 1
    assert Visitor.objects.get(user=bob).feedback.count() == 1
    assert Visitor.objects.get(external_id="v2").feedback.count() == 2
    assert Visitor.objects.get(external_id="v2").created_at == TIME


def test_what_cannot_be_used_is_counted_by_cause(lamp: Product) -> None:
    later = timezone.now() + datetime.timedelta(days=1)
    bad = {
        "unknown item": [
            {"object_id": 10**9},
            {"object_id": "no number"},
            {"object_id": "x" * 300},
            {"object_id": None},
        ],
        "unknown user": [{"user": 10**9}, {"user": "nobody"}],
        "bad number": [{"value": math.nan}, {"value": math.inf}, {"value": "3"}, {"value": True}],
        "bad time": [
            {"time": None},
            {"time": "2020"},
            {"time": -1},
            {"time": math.nan},
            {"time": TIME.replace(year=1960)},
            {"time": datetime.datetime.min},
            {"time": 10**400},
            {"time": True},
        ],
        "future time": [{"time": later}, {"time": 4e9 * 10}],
        "bad kind": [{"kind": ""}, {"kind": "add to cart"}, {"kind": None}],
        "bad visitor": [{"visitor": None}, {"visitor": ""}, {"visitor": "x" * 256}],
        "bad basket": [{"basket": "x" * 65}],
        "bad scenario": [{"scenario": "!!!"}],
    }
    events = [event(lamp, **fields) for rows in bad.values() for fields in rows]
    report = import_events([event(lamp), *events, event(lamp)], LABEL)
    assert dict(report.skipped) == {cause: len(rows) for cause, rows in bad.items()} | {"duplicate": 1}
    assert report.imported == Feedback.objects.count() == 1
    assert report.read == report.imported + sum(report.skipped.values())
    assert len(report.examples["bad time"]) == 3
    assert report.examples["unknown user"] == ["1000000000", "nobody"]
    assert Visitor.objects.count() == 1  # nobody was made for the sake of rows that did not come in


def test_a_second_import_adds_nothing(lamp: Product) -> None:
    events = [
        event(lamp),
        event(lamp, kind="like"),
        event(lamp, value=3),
        event(lamp, time=0),
        event(lamp, scenario="a"),
    ]
    assert import_events(events, LABEL).imported == 5
    again = import_events(events, LABEL)
    assert (again.imported, dict(again.skipped)) == (0, {"duplicate": 5})
    assert Feedback.objects.count() == 5


def test_a_time_is_the_same_whatever_it_is_written_in(lamp: Product) -> None:
    same = [TIME, TIME.timestamp(), TIME.astimezone(datetime.timezone(datetime.timedelta(hours=5)))]
    report = import_events([event(lamp, time=time) for time in same], LABEL)
    assert (report.imported, report.skipped["duplicate"]) == (1, 2)
    assert Feedback.objects.get().time == TIME


def test_microseconds_and_unknown_times_are_kept(lamp: Product) -> None:
    exact = TIME.replace(microsecond=123456)
    import_events([event(lamp, time=exact), event(lamp, time=0)], LABEL)
    times = set(Feedback.objects.values_list("time", flat=True))
    assert times == {exact, datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)}


def test_a_visitor_was_first_seen_when_that_is_known(lamp: Product) -> None:
    import_events([event(lamp), event(lamp, time=0), event(lamp, visitor="v2", time=0)], LABEL)
    seen = dict(Visitor.objects.values_list("external_id", "created_at"))
    assert seen["v1"] == TIME
    assert seen["v2"] > timezone.now() - datetime.timedelta(hours=1)


def test_a_key_counts_once_for_a_visitor_and_beside_tracking(lamp: Product) -> None:
    visitor = Visitor.objects.create(external_id="v1")
    track_visitor(visitor, "purchase", lamp, key="line-1")
    events = [event(lamp, key="line-1"), event(lamp, key="line-2"), event(lamp, key="line-1", visitor="v2")]
    report = import_events(events, LABEL)
    assert (report.imported, report.skipped["duplicate"]) == (2, 1)
    assert track_visitor(visitor, "purchase", lamp, key="line-2") in Feedback.objects.all()
    assert Feedback.objects.count() == 3


def test_objects_by_another_field(lamp: Product) -> None:
    events = [event(lamp, object_id="L1"), event(lamp, object_id="L2"), event(lamp, object_id=lamp.pk)]
    report = import_events(events, LABEL, lookup="sku")
    assert (report.imported, dict(report.skipped)) == (1, {"unknown item": 2})
    assert report.examples["unknown item"] == ["L2", str(lamp.pk)]


def test_objects_by_a_field_of_numbers(lamp: Product) -> None:
    Review.objects.create(product=lamp, stars=5)
    events = [event(lamp, object_id=5), event(lamp, object_id="5.0"), event(lamp, object_id="five")]
    report = import_events(events, LABEL, lookup="review__stars")
    assert (report.imported, dict(report.skipped)) == (1, {"unknown item": 2})


def test_objects_no_sync_has_seen_are_brought_in(db: None) -> None:
    product, gone = make_product(), make_product()
    pk = gone.pk
    gone.delete()
    report = import_events([event(product), event(product, object_id=pk)], LABEL)
    assert (report.items, report.imported, dict(report.skipped)) == (1, 1, {"unknown item": 1})


def test_events_on_several_models(lamp: Product) -> None:
    article = Article.objects.create(headline="News")
    report = import_events([event(lamp), event(lamp, object_id=article.pk, source="testsite.Article")], LABEL)
    assert report.imported == 2
    assert {feedback.item.source for feedback in Feedback.objects.all()} == {LABEL, "testsite.article"}


def test_scenarios_that_are_missing_are_made(lamp: Product) -> None:
    events = [
        event(lamp, scenario="Front Page"),
        event(lamp, scenario="front-page", kind="dislike"),
        event(lamp, scenario="front-page", kind="impression"),
        event(lamp, scenario="site-home", kind="listen"),
        event(lamp),
    ]
    before = Scenario.objects.get(name="site-home").goal
    report = import_events(events, LABEL)
    assert report.scenarios == ["front-page"]
    made = Scenario.objects.get(name="front-page")
    assert (made.goal, made.sources) == ({"view": 1, "dislike": -1}, [LABEL])
    assert Scenario.objects.get(name="site-home").goal == before
    assert Feedback.objects.filter(scenario=made).count() == 3
    assert Feedback.objects.filter(scenario=None).count() == 1


def test_a_scenario_that_a_killed_import_left_behind_gets_its_goal(lamp: Product) -> None:
    Scenario.objects.create(name="front-page")
    report = import_events([event(lamp, scenario="front-page")], LABEL)
    assert report.scenarios == []
    assert Scenario.objects.get(name="front-page").goal == {"view": 1}


@pytest.mark.parametrize("text", ["NUL \x00 inside", "half \ud800 a pair", "tab\tand\nnewline\\N", "日本語"])
def test_odd_texts_spoil_nothing(lamp: Product, text: str) -> None:
    report = import_events([event(lamp, visitor=text, key=text), event(lamp, object_id=text), event(lamp)], LABEL)
    assert (report.imported, dict(report.skipped)) == (2, {"unknown item": 1})


def test_chunks_make_no_difference(lamp: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "EVENTS_PER_CHUNK", 3)
    seen: list[tuple[str, int, int]] = []
    events = [event(lamp, visitor=f"v{number % 4}", time=number) for number in range(8)] + [
        event(lamp, time=0, visitor="v0")
    ]
    report = import_events(iter(events), LABEL, lambda *step: seen.append(step), total=9)
    assert (report.imported, report.skipped["duplicate"]) == (8, 1)
    assert seen == [("Importing events", done, 9) for done in (3, 6, 9)]


def test_a_key_of_the_users_that_is_no_number(lamp: Product) -> None:
    report = import_events([event(lamp, user=uuid.uuid4())], LABEL)
    assert dict(report.skipped) == {"unknown user": 1}


def test_the_report_is_plain(lamp: Product) -> None:
    report = import_events([event(lamp), event(lamp, kind="")], LABEL).as_dict()
    assert report["skipped"] == {"bad kind": 1}
    assert (report["read"], report["imported"]) == (2, 1)


def test_memory_does_not_grow_with_a_history(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "EVENTS_PER_CHUNK", 4000)
    products = [make_product() for _ in range(20)]
    sync([LABEL])

    def events() -> Iterator[Event]:
        for number in range(40_000):
            yield Event(products[number % 20].pk, "view", 1_500_000_000 + number, visitor=f"v{number % 500}")

    tracemalloc.start()
    try:
        report = import_events(events(), LABEL)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.imported == Feedback.objects.count() == 40_000
    assert peak < 12_000_000  # bytes; all events at once would be some 30 MB


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_are_one() -> None:
    product = make_product()
    events = [event(product, visitor=f"v{number % 7}", time=number) for number in range(300)]

    def work(backwards: bool) -> int:
        try:
            return import_events(reversed(events) if backwards else events, LABEL).imported
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        imported = list(pool.map(work, [True, False, True, False]))
    assert sum(imported) == Feedback.objects.count() == 300
    assert Visitor.objects.count() == 7


@pytest.mark.django_db
def test_items_whose_source_nobody_registered_have_a_history_too() -> None:
    Item.objects.create(source="legacy", object_id="1")
    assert import_events([Event("1", "view", TIME, visitor="v1")], "Legacy").imported == 1
    with registered(Review, text=["words"]):
        review = Review.objects.create(product=make_product(), stars=3)
        assert import_events([event(review)], "testsite.Review").imported == 1


def test_the_docs_name_every_field_and_every_cause() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "import-history.md").read_text()
    told = set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE))
    assert told == {field.name for field in fields(Event)}
    source = Path(history.__file__).read_text() + Path(history.__file__).with_name("staging.py").read_text()
    causes = set(re.findall(r'(?:return|skip\(|cause =) ?"(bad \w+|future \w+|unknown \w+|duplicate)"', source))
    assert len(causes) > 8
    assert [cause for cause in causes if cause not in page] == []
