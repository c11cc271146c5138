from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from example_project.shop.basket import BasketLine
from example_project.shop.models import Customer, Order, Product
from example_project.shop.orders import SoldOut, place_order


def test_an_order_takes_its_products_out_of_stock(shop: dict[str, Product]) -> None:
    mug, before = shop["MUG"], shop["MUG"].stock
    user = User.objects.get(username="400")

    order = place_order(user.pk, [BasketLine(mug, 3)])

    mug.refresh_from_db()
    assert mug.stock == before - 3
    assert order.total == 3 * mug.price
    assert Customer.objects.get(user=user).line_count == 1


def test_an_order_that_cannot_be_filled_changes_nothing(shop: dict[str, Product]) -> None:
    mug, orders = shop["MUG"], Order.objects.count()
    Product.objects.filter(sku="POT").update(stock=1)

    with pytest.raises(SoldOut, match="Blue teapot has just sold out"):
        place_order(None, [BasketLine(mug, 1), BasketLine(shop["POT"], 2)])

    assert Product.objects.get(sku="MUG").stock == mug.stock
    assert Order.objects.count() == orders


def test_orders_placed_here_are_not_historic(shop: dict[str, Product]) -> None:
    place_order(None, [BasketLine(shop["MUG"], 1)])

    assert Order.objects.historic().count() == Order.objects.count() - 1
