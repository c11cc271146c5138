"""An event is stored once, with few queries, and never at the page's cost."""

from __future__ import annotations

import datetime
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from mtrec_django import track
from mtrec_django.catalog.sync import item_for, sync
from mtrec_django.events.tracking import track_visitor
from mtrec_django.events.visitors import visitor_for
from mtrec_django.exceptions import BadFeedback, NotRegistered
from mtrec_django.models import Feedback, Item, Recommendation, Scenario, Visitor
from mtrec_django.signals import feedback_received
from tests.site.making import make_product, make_request
from tests.site.models import Brand, Ebook, Product
from tests.site.recommendations import Products

User = get_user_model()


@pytest.fixture
def lamp(db: None) -> Product:
    product = make_product(title="Lamp")
    sync(["testsite.product"])
    return product


def test_everything_about_an_event_is_kept(lamp: Product) -> None:
    home = Scenario.objects.get(name="site-home")
    shown = uuid.uuid4()
    time = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
    returned = track(
        make_request(),
        "purchase",
        lamp,
        value=2,
        scenario="site-home",
        recommendation=str(shown),
        time=time,
        basket="order-7",
        key="line-1",
    )
    stored = Feedback.objects.get()
    assert returned == stored
    for feedback in (returned, stored):
        assert feedback is not None
        assert feedback.item == Item.objects.get()
        assert feedback.visitor == Visitor.objects.get()
        assert (feedback.kind, feedback.value, feedback.time) == ("purchase", 2.0, time)
        assert (feedback.scenario, feedback.recommendation, feedback.basket) == (home, shown, "order-7")


def test_the_place_is_that_of_the_recommendation(lamp: Product) -> None:
    home, basket = Scenario.objects.get(name="site-home"), Scenario.objects.get(name="site-basket")
    shown = Recommendation.objects.create(scenario=home, items=[], sources=[], scores=[])
    visitor = Visitor.objects.create()
    first = track_visitor(visitor, "click", lamp, recommendation=shown)
    second = track_visitor(visitor, "click", lamp, recommendation=shown, scenario=basket)
    assert first is not None
    assert second is not None
    assert (first.scenario_id, second.scenario_id) == (home.pk, basket.pk)


def test_a_signed_in_user_costs_two_queries(lamp: Product, django_assert_num_queries: Any) -> None:
    user = User.objects.create_user("ann")
    Visitor.objects.create(user=user)
    with django_assert_num_queries(2):
        track(make_request(user), "view", lamp, scenario="site-home")


def test_a_known_guest_costs_two_queries_and_the_next_event_one(lamp: Product, django_assert_num_queries: Any) -> None:
    session = make_request().session
    visitor_for(make_request(session=session), create=True)
    request = make_request(session=session)
    with django_assert_num_queries(2):
        track(request, "view", lamp)
    with django_assert_num_queries(1):
        track(request, "like", lamp, value=1, key="like-1")


def test_a_missing_item_is_made(db: None) -> None:
    product = make_product(title="New today")
    feedback = track(make_request(), "view", product)
    assert feedback is not None
    assert (feedback.item.title, feedback.item.available) == ("New today", True)


def test_a_child_counts_for_its_registered_parent(db: None) -> None:
    ebook = Ebook.objects.create(sku="e", title="E-book")
    feedback = track(make_request(), "view", ebook)
    assert feedback is not None
    assert feedback.item == item_for(Product.objects.get())


def test_an_item_itself_may_be_named(lamp: Product) -> None:
    item = Item.objects.get()
    feedback = track_visitor(Visitor.objects.create(), "view", item)
    assert feedback is not None
    assert feedback.item == item
    item.feedback.all().delete()
    Item.objects.all().delete()
    item.pk = 1
    assert track_visitor(Visitor.objects.create(), "view", item) is None


def test_the_same_key_counts_once_for_a_visitor(lamp: Product) -> None:
    ann, bob = Visitor.objects.create(), Visitor.objects.create()
    first = track_visitor(ann, "purchase", lamp, value=1, key="order-1")
    again = track_visitor(ann, "purchase", lamp, value=1, key="order-1")
    assert first == again
    assert track_visitor(bob, "purchase", lamp, key="order-1") != first
    assert track_visitor(ann, "purchase", lamp, key=2) != first
    assert Feedback.objects.count() == 3


def test_without_a_key_every_event_counts(lamp: Product) -> None:
    visitor = Visitor.objects.create()
    track_visitor(visitor, "view", lamp)
    track_visitor(visitor, "view", lamp)
    track_visitor(visitor, "view", lamp, key="")
    assert Feedback.objects.count() == 3


def test_the_signal_is_sent_after_the_commit_and_once(lamp: Product, django_capture_on_commit_callbacks: Any) -> None:
    heard: list[Feedback] = []

    def hear(sender: Any, feedback: Feedback, **kwargs: Any) -> None:
        heard.append(feedback)

    feedback_received.connect(hear)
    visitor = Visitor.objects.create()
    try:
        with django_capture_on_commit_callbacks(execute=True):
            feedback = track_visitor(visitor, "view", lamp, key="a")
            assert heard == []
        with django_capture_on_commit_callbacks(execute=True):
            track_visitor(visitor, "view", lamp, key="a")
    finally:
        feedback_received.disconnect(hear)
    assert heard == [feedback]


def test_a_broken_listener_does_not_break_the_page(lamp: Product, django_capture_on_commit_callbacks: Any) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("a listener of the site")

    feedback_received.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=False) as hooks:
            track(make_request(), "view", lamp)
        assert hooks
        assert all(robust for _, _, robust in connection.run_on_commit)
    finally:
        feedback_received.disconnect(fail)


def refuse(request: Any) -> bool:
    return False


def test_without_consent_nothing_is_stored(lamp: Product, settings: Any) -> None:
    settings.MTREC = {"CONSENT": "tests.events.test_tracking.refuse"}
    assert track(make_request(User.objects.create_user("ann")), "view", lamp) is None
    assert not Feedback.objects.exists()
    assert not Visitor.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "add to cart"}, "'add to cart'"),
        ({"value": "much"}, "'much'"),
        ({"value": float("nan")}, "nan"),
        ({"time": datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)}, "2999"),
        ({"recommendation": "no-uuid"}, "'no-uuid'"),
        ({"basket": "x" * 65}, "xxx"),
        ({"scenario": "site-hoem"}, "There is no scenario 'site-hoem'. Did you mean 'site-home'?"),
    ],
)
def test_what_is_no_event_is_refused_with_the_value(lamp: Product, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BadFeedback) as caught:
        track(make_request(), **{"kind": "view", "obj": lamp, **arguments})
    assert message in str(caught.value)
    assert not Feedback.objects.exists()


def test_objects_that_cannot_be_items(db: None) -> None:
    with pytest.raises(BadFeedback, match="not saved"):
        track(make_request(), "view", Product(title="draft"))
    with pytest.raises(BadFeedback, match="no model instance"):
        track(make_request(), "view", "lamp")  # type: ignore[arg-type]
    with pytest.raises(NotRegistered):
        track(make_request(), "view", Brand.objects.create(name="Lumen"))


def test_a_visitor_who_was_merged_away_meanwhile(lamp: Product) -> None:
    request = make_request()
    visitor = visitor_for(request, create=True)
    assert visitor is not None
    Visitor.objects.filter(pk=visitor.pk).delete()
    assert track_visitor(visitor, "view", lamp) is None
    feedback = track(request, "view", lamp)
    assert feedback is not None
    assert feedback.visitor != visitor
    assert request.session["mtrec_visitor"] == str(feedback.visitor.key)


def test_an_event_in_a_transaction_that_fails_is_gone_with_it(lamp: Product) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        track(make_request(), "view", lamp)
        raise RuntimeError
    assert not Feedback.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_key_in_many_threads_is_one_event() -> None:
    product = make_product()
    visitor = Visitor.objects.create()

    def work(_: int) -> Feedback | None:
        try:
            return track_visitor(visitor, "purchase", product, key="order-1")
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        stored = list(pool.map(work, range(12)))
    assert {feedback.pk for feedback in stored if feedback} == {Feedback.objects.get().pk}
    assert len(stored) == 12
    assert Item.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_items_taken_out_while_they_are_met_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's transaction commits, whether the item was kept, deleted or made anew."""
    monkeypatch.setattr(Products, "queryset", lambda self: Product.objects.none())
    product = make_product()
    visitors = [Visitor.objects.create() for _ in range(12)]

    def work(number: int) -> bool:
        try:
            if number % 2:
                sync(["testsite.product"])
                Feedback.objects.filter(visitor=visitors[number // 2]).delete()
                sync(["testsite.product"])
                return True
            with transaction.atomic():
                return track_visitor(visitors[number // 2], "view", product) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(work, range(24)))
    assert len(done) == 24
    assert Feedback.objects.count() <= 12
    assert track_visitor(visitors[0], "view", product) is not None
