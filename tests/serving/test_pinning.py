"""Items with a fixed place, declared in code or in the admin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mtrec_django import Pinned, Scenario
from mtrec_django.checks import check_declarations
from mtrec_django.jobs.batch import recommend_batch
from mtrec_django.models import Item, Pin
from mtrec_django.serving import live
from mtrec_django.serving.recommender import recommend_for
from tests.serving.world import World
from tests.site.models import Article, Product
from tests.site.recommendations import Products


@pytest.fixture(autouse=True)
def only_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of scenarios for one test, and a collection of the dear ones."""
    monkeypatch.setattr("mtrec_django.catalog.scenarios._declared", {})
    monkeypatch.setattr(Products, "collections", [*Products.collections, "dearest"])
    monkeypatch.setattr(
        Products, "dearest", lambda _self: Product.objects.filter(price__gt=900).order_by("-price"), raising=False
    )


def ranks(world: World, n: int = 5) -> list[str]:
    """What a visitor of the third topic gets."""
    return [one.sku for one in recommend_for(world.visitor((3, 0)), "world", n)]


def test_an_object_and_the_first_of_a_collection(world: World) -> None:
    Product.objects.filter(pk=world.product(5, 5).pk).update(price=999)
    pins = [Pinned(2, Product, pk=world.product(6, 1).pk), Pinned(4, Products, collection="dearest")]
    Scenario("world", pins=pins)
    Scenario("elsewhere", pins=[Pinned(1, Product, pk=world.product(7, 7).pk)])
    assert ranks(world) == ["t3-0", "t6-1", "t3-1", "t5-5", "t3-2"]
    (_first, second, *_rest) = recommend_for(world.visitor((3, 0)), "world", 5)
    assert (second.recommendation.source, str(second.recommendation.reason)) == ("pinned", "Our choice")
    Product.objects.filter(pk=world.product(2, 2).pk).update(price=1000)
    live.expire()
    assert ranks(world)[3] == "t2-2"
    visitor = world.visitor((3, 0))
    made = next(one for one in recommend_batch("world", n=5) if one.visitor == visitor.pk)
    assert [one.object_id for one in made.items] == [str(one.pk) for one in recommend_for(visitor, "world", 5)]


def test_the_admin_comes_before_the_code(world: World) -> None:
    Scenario("world", pins=[Pinned(2, Product, pk=world.product(6, at).pk) for at in (1, 2)])
    Pin.objects.create(scenario=world.scenario, item=world.item(7, 0), position=2)
    assert ranks(world) == ["t3-0", "t7-0", "t6-1", "t6-2", "t3-1"]


def test_an_item_pinned_twice_stands_in_the_first_of_its_places(world: World) -> None:
    now, key = timezone.now(), world.product(6, 1).pk
    later = Pinned(1, Product, pk=key, starts_at=now + timedelta(hours=1))
    Scenario("world", pins=[later, Pinned(4, Product, pk=key), Pinned(3, Product, pk=key)])
    assert ranks(world) == ["t3-0", "t3-1", "t6-1", "t3-2", "t3-3"]
    Pin.objects.create(scenario=world.scenario, item=world.item(6, 1), position=2)
    assert ranks(world) == ["t3-0", "t6-1", "t3-1", "t3-2", "t3-3"]


def test_what_is_sold_out_over_or_unknown_is_skipped(world: World) -> None:
    now, gone = timezone.now(), world.product(6, 1)
    Product.objects.filter(pk=gone.pk).update(stock=0)
    over = Pinned(1, Product, pk=world.product(6, 2).pk, ends_at=now - timedelta(hours=1))
    not_yet = Pinned(1, Product, pk=world.product(6, 3).pk, starts_at=now + timedelta(hours=1))
    new = Product.objects.create(sku="new", title="New")
    wrong = [Pinned(0, Product, pk=1), Pinned(1, Article, collection="nothing")]
    Item.objects.filter(object_id=str(new.pk)).delete()
    Scenario("world", pins=[Pinned(1, Product, pk=gone.pk), over, not_yet, Pinned(1, Product, pk=new.pk), *wrong])
    assert ranks(world) == [f"t3-{rank}" for rank in range(5)]


def test_pins_take_no_query_of_their_own(world: World) -> None:
    Product.objects.filter(pk=world.product(5, 5).pk).update(price=999)
    Scenario("world", pins=[Pinned(1, Products, collection="dearest")])
    visitor = world.visitor((3, 0))
    recommend_for(visitor, "world", 5)
    live.expire()
    with CaptureQueriesContext(connection) as queries:
        assert recommend_for(visitor, "world", 5)[0] == world.product(5, 5)
    assert len([query for query in queries if query["sql"].lstrip("( ").lower().startswith("select")]) <= 4


DAY = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ({"position": 0, "pk": 1}, "from 1 to 100"),
        ({"position": True, "pk": 1}, "from 1 to 100"),
        ({"position": 101, "pk": 1}, "from 1 to 100"),
        ({}, "neither or both"),
        ({"pk": 1, "collection": "dearest"}, "neither or both"),
        ({"collection": "dearst"}, "Did you mean 'dearest'?"),
        ({"pk": 1, "items": "shop.Nothing"}, "No source 'shop.Nothing'"),
        ({"pk": 1, "starts_at": DAY, "ends_at": DAY}, "ends before it begins"),
        ({"pk": 1, "ends_at": datetime(2030, 1, 1)}, "no moment with a time zone"),
    ],
)
def test_what_makes_no_sense_is_said(pin: dict[str, Any], said: str) -> None:
    Scenario("world", pins=[Pinned(**({"position": 1, "items": Product} | pin))])
    (message,) = [one for one in check_declarations() if one.id == "mtrec.E027"]
    assert said in f"{message.msg} {message.hint}"


def test_what_makes_sense_passes() -> None:
    Scenario("world", pins=[Pinned(1, Products, pk=1, starts_at=DAY), Pinned(100, "testsite.product", pk="x")])
    assert not [one for one in check_declarations() if one.id == "mtrec.E027"]
