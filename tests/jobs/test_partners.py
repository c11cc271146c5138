"""What is bought together, counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mtrec_django import jobs
from mtrec_django.models import Feedback, Item, ItemPartners, Visitor

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def items() -> list[Item]:
    return [Item.objects.create(source="testsite.product", object_id=str(k), title=str(k)) for k in range(6)]


def order(items: list[Item], bought: str, *, visitor: str = "a", basket: str = "", minutes: float = 0.0) -> None:
    """Items by their digits; a second later each."""
    who, _ = Visitor.objects.get_or_create(external_id=visitor)
    Feedback.objects.bulk_create(
        [
            Feedback(
                visitor=who,
                item=items[int(digit)],
                kind="purchase",
                basket=basket,
                time=NOW - timedelta(minutes=minutes) + timedelta(seconds=second),
            )
            for second, digit in enumerate(bought)
        ]
    )


def partners() -> dict[str, list[tuple[str, float]]]:
    names = dict(Item.objects.values_list("pk", "title"))
    return {
        row.item.title: [
            (names[other], round(weight, 4)) for other, weight in zip(row.others, row.weights, strict=True)
        ]
        for row in ItemPartners.objects.select_related("item")
    }


def test_the_cosine_of_orders(items: list[Item]) -> None:
    order(items, "01", basket="x", minutes=90)
    order(items, "012", basket="y", minutes=60)
    order(items, "02", basket="z", minutes=30)
    order(items, "0", basket="w")
    assert jobs.refresh_partners() == 3
    # 0 was in 4 orders, 1 and 2 in 2 each; 1 and 2 were together once, which is chance
    assert partners() == {"0": [("1", 0.7071), ("2", 0.7071)], "1": [("0", 0.7071)], "2": [("0", 0.7071)]}
    assert jobs.refresh_partners() == 0


def test_without_a_basket_the_minute_is_the_order(items: list[Item]) -> None:
    for minutes in (50, 60):
        order(items, "01", minutes=minutes)
        order(items, "2", minutes=minutes + 1)
        order(items, "3", visitor="b", minutes=minutes)
    jobs.refresh_partners()
    assert partners() == {"0": [("1", 1.0)], "1": [("0", 1.0)]}


def test_baskets_of_two_visitors_are_two(items: list[Item]) -> None:
    order(items, "0", basket="1")
    order(items, "1", basket="1", visitor="b")
    order(items, "0", basket="2", minutes=9)
    order(items, "1", basket="2", visitor="b", minutes=9)
    assert jobs.refresh_partners() == 0


def test_a_repeat_within_an_order_counts_once_and_old_and_large_orders_do_not(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtrec_django.jobs.partners.LARGEST", 3)
    order(items, "0011", basket="a")
    order(items, "01", basket="b", minutes=60 * 24 * 366)
    for basket in "cd":
        order(items, "2345", basket=basket)
    assert jobs.refresh_partners() == 0
    order(items, "01", basket="e", minutes=60 * 24 * 364)
    assert jobs.refresh_partners() == 2


def test_what_is_no_longer_bought_together_goes(items: list[Item]) -> None:
    order(items, "01", basket="a")
    order(items, "01", basket="b")
    jobs.refresh_partners()
    Feedback.objects.filter(basket="b").delete()
    jobs.refresh_partners()
    assert partners() == {}
