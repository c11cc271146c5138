"""From a basket to an order."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import get_random_string

from .basket import BasketLine
from .models import PLACED_HERE, Customer, Order, OrderLine, Product


class SoldOut(Exception):
    """Somebody else was faster."""

    def __init__(self, product: Product) -> None:
        super().__init__(f"{product.title} has just sold out.")
        self.product = product


@transaction.atomic
def place_order(user_id: int | None, lines: list[BasketLine]) -> Order:
    """Write an order and take its products out of stock, both or neither."""
    number = PLACED_HERE + get_random_string(8, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    order = Order.objects.create(user_id=user_id, number=number, placed_at=timezone.now())
    for line in sorted(lines, key=lambda line: line.product.pk):  # one order of locks for all: no deadlock
        left = Product.objects.filter(pk=line.product.pk, is_active=True, stock__gte=line.quantity)
        if not left.update(stock=F("stock") - line.quantity, sold=F("sold") + 1):
            raise SoldOut(line.product)
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=line.product, quantity=line.quantity, price=line.product.price) for line in lines
    )
    if user_id is not None:
        counts = {"order_count": F("order_count") + 1, "line_count": F("line_count") + len(lines)}
        Customer.objects.filter(user_id=user_id).update(**counts)
    return order
