"""What a site's own tests are given."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory, TestCase
from django.utils import timezone

from mtrec_django import recommend, similar_items
from mtrec_django.models import Feedback, Item
from mtrec_django.serving.recommendations import log_shown
from mtrec_django.testing import (
    ItemSourceTests,
    fake_recommender,
    make_event,
    make_item,
    make_scenario,
    make_visitor,
)
from tests.site.models import Article, Product

_numbers = itertools.count()


def teas(count: int) -> list[Product]:
    return [Product(pk=pk, sku=f"t{pk}", title=f"Tea {pk}") for pk in range(1, count + 1)]


def ask() -> object:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return request


def test_the_fake_answers_in_order_without_a_database() -> None:
    products = teas(3)
    with fake_recommender(*products) as fake:
        answer = recommend(ask(), "anywhere", n=2)
    assert answer == products[:2]
    assert [one.recommendation.position for one in answer] == [0, 1]
    assert answer.scenario == "anywhere"
    assert not answer.short
    assert (fake.asked[0].scenario, fake.asked[0].n, fake.asked[0].similar) == ("anywhere", 2, False)


def test_the_fake_keeps_to_what_the_caller_forbids() -> None:
    first, second, third = teas(3)
    with fake_recommender(first, second, third):
        answer = recommend(ask(), "home", n=9, item=first, exclude=[second])
        assert similar_items(first) == [second, third]
    assert answer == [third]
    assert answer.short


@pytest.mark.django_db
def test_the_fake_keeps_to_a_queryset() -> None:
    cheap = Product.objects.create(sku="a", title="A", price=1)
    dear = Product.objects.create(sku="b", title="B", price=9)
    with fake_recommender(dear, cheap):
        assert recommend(ask(), "home", queryset=Product.objects.filter(price__lt=5)) == [cheap]
        assert recommend(ask(), "home", queryset=Article.objects.all()) == []


@pytest.mark.django_db
def test_what_the_fake_gives_can_be_logged_and_linked() -> None:
    with fake_recommender(*teas(1)):
        answer = recommend(ask(), "home")
    log_shown(answer)
    assert answer[0].recommendation.url.startswith("/mtrec/go/")


def test_the_fake_is_gone_after_the_block() -> None:
    from mtrec_django.serving import live, recommender

    with fake_recommender():
        assert recommender.live is not live
    assert recommender.live is live


@pytest.mark.django_db
def test_factories() -> None:
    product = Product.objects.create(sku="a", title="A")
    user = get_user_model().objects.create_user("ada")
    place = make_scenario("here")
    visitor = make_visitor(user)
    event = make_event(product, "purchase", visitor=visitor, ago=timedelta(days=2), scenario="here", value=3)
    assert Feedback.objects.get() == event
    assert (event.visitor, event.scenario, event.value) == (visitor, place, 3)
    assert timedelta(days=2) <= timezone.now() - event.time < timedelta(days=2, minutes=1)
    assert make_item(product) == Item.objects.get()
    assert make_event(product).visitor != visitor


class ProductsTests(ItemSourceTests, TestCase):
    """The conformance tests, on a source that conforms."""

    def make_object(self) -> Product:
        number = next(_numbers)
        return Product.objects.create(sku=f"made-{number}", title=f"Made {number}", price=3)


class ArticlesTests(ItemSourceTests, TestCase):
    def make_object(self) -> Article:
        return Article.objects.create(headline="On tea")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("test", "broken"),
    [
        ("test_a_new_object_is_in_the_catalogue_and_available", {"stock": 0}),
        ("test_it_describes_an_object", {"title": ""}),
    ],
)
def test_conformance_finds_what_does_not_conform(test: str, broken: dict[str, object]) -> None:
    class Broken(ItemSourceTests, TestCase):
        def make_object(self) -> Product:
            number = next(_numbers)
            return Product.objects.create(**{"sku": f"b-{number}", "title": "B", **broken})

    with pytest.raises(AssertionError):
        getattr(Broken(test), test)()
