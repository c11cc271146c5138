"""Who is like whom: by rare items that two met, within bounds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mtrec_django import similar_visitors
from mtrec_django.models import Visitor
from mtrec_django.serving import neighbours
from mtrec_django.testing import make_event, make_visitor
from tests.site.making import make_product
from tests.site.models import Product


@pytest.fixture
def goods(db: None) -> list[Product]:
    return [make_product() for _ in range(8)]


def met(*products: Product, **fields: Any) -> Visitor:
    """A visitor who met these."""
    visitor = make_visitor()
    for product in products:
        make_event(product, visitor=visitor, **fields)
    return visitor


def found(visitor: Visitor, n: int = 10) -> list[Visitor]:
    return [one.visitor for one in similar_visitors(visitor, n)]


def test_the_more_two_share_the_more_alike_they_are(goods: list[Product]) -> None:
    me, twin, cousin, stranger = met(*goods[:4]), met(*goods[:4]), met(*goods[2:6]), met(*goods[6:])
    assert found(me) == [twin, cousin]
    assert found(me, 1) == [twin]
    assert found(stranger) == []
    assert [one.shared for one in similar_visitors(me)] == [4, 2]


def test_what_everybody_met_says_little(goods: list[Product]) -> None:
    common, rare = goods[:2], goods[2:4]
    for _ in range(20):
        met(*common)
    me, alike = met(*common, *rare), met(*rare)
    assert found(me)[0] == alike


def test_who_met_everything_is_like_nobody_much(goods: list[Product]) -> None:
    me, alike, _collector = met(*goods[:3]), met(*goods[:3]), met(*goods)
    assert found(me)[0] == alike


def test_one_item_in_common_is_chance(goods: list[Product]) -> None:
    me, _other = met(*goods[:3]), met(goods[0], *goods[5:])
    assert found(me) == []


def test_what_was_only_shown_or_is_long_ago_does_not_count(goods: list[Product]) -> None:
    me = met(*goods[:3])
    met(*goods[:3], kind="impression")
    met(*goods[:3], ago=timedelta(days=neighbours.DAYS + 1))
    assert found(me) == []


def test_a_visitor_without_events_is_like_nobody(goods: list[Product]) -> None:
    met(*goods)
    assert found(make_visitor()) == []


def test_a_crowd_is_cut_to_its_latest(goods: list[Product], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CROWD", 2)
    met(*goods[:3], ago=timedelta(days=2))
    late = met(*goods[:3], ago=timedelta(days=1))
    me = met(*goods[:3])
    assert found(me) == [late]


def test_it_takes_two_queries(goods: list[Product], django_assert_num_queries: Any) -> None:
    me = met(*goods[:4])
    for _ in range(5):
        met(*goods[:4])
    with django_assert_num_queries(2):
        assert len(found(me)) == 5
