"""What the small site recommends, and where."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from mtrec_django import ItemSource, Scenario, register

from .models import Article, Product


@register(Product)
class Products(ItemSource):
    text = ["title", "description", "brand__name"]
    categories = ["category__name", "tags__name"]
    numbers = ["price"]
    image = "photo"
    lookup = "sku"
    collections = ["cheap", "dear"]

    def available(self) -> QuerySet[Any]:
        return Product.objects.filter(stock__gt=0)

    def cheap(self) -> QuerySet[Any]:
        return Product.objects.filter(price__lt=5)

    def dear(self) -> QuerySet[Any]:
        return Product.objects.filter(price__gte=100)


@register(Article)
class Articles(ItemSource):
    text = ["headline"]
    numbers = ["published"]


Scenario("site-home", items=[Products], goal={"view": 1, "purchase": 5}, title="For you")
Scenario("site-basket", items=[Products], goal={"purchase": 1}, exclude=["purchase"], parent="site-home")
