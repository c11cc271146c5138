"""All that the shop tells the recommender: what a product is, what has been bought, where recommendations stand."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, QuerySet

from mtrec_django import Event, ItemSource, Scenario, register

from .models import Order, OrderLine, Product


@register(Product)
class Products(ItemSource):
    """Products as items."""

    text = ["title", "category__name"]
    categories = ["category__name"]
    numbers = ["price"]
    lookup = "sku"

    def available(self) -> QuerySet[Product]:
        """What can be bought now."""
        return Product.objects.in_stock().select_related("category")  # a card names its shelf

    def history(self) -> Iterator[Event]:
        """Every line of the old orders, oldest first. Those placed on the site were tracked as they happened."""
        lines = OrderLine.objects.filter(order__in=Order.objects.historic()).order_by("order__placed_at", "pk")
        lines = lines.annotate(paid=F("price") * F("quantity"))
        rows = lines.values_list("pk", "product_id", "paid", "order_id", "order__user_id", "order__placed_at")
        for line, product, paid, order, user, placed_at in rows.iterator(chunk_size=20_000):
            yield Event(
                object_id=product,
                user=user,
                kind="purchase",
                value=float(paid),
                time=placed_at,
                key=f"line:{line}",
                basket=str(order),
            )


Scenario(
    "home",
    items=[Products],
    goal={"view": 1, "cart": 3, "purchase": 5},
    exclude=["purchase"],
    title="Picked for you",
    money=["purchase"],
)
Scenario(
    "product",
    items=[Products],
    goal={"view": 1, "cart": 3, "purchase": 5},
    parent="home",
    title="You may also like",
    money=["purchase"],
    in_session=True,
)
Scenario(
    "basket",
    items=[Products],
    goal={"purchase": 1},
    exclude=["purchase", "cart"],
    parent="home",
    title="Goes well with your basket",
    money=["purchase"],
    in_session=True,
)
