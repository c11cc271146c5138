"""The basket: product keys and quantities in the session."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from .models import Product

KEY = "basket"
RECENT = "recently_viewed"
MOST = 999  # of one product in one basket


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One product of the basket."""

    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        """Price of the line."""
        return self.product.price * self.quantity


class Basket:
    """Quantities by product, in the order in which they were put in."""

    def __init__(self, session: SessionBase) -> None:
        self.session = session

    @property
    def quantities(self) -> dict[str, int]:
        """Quantity by product key as text, as JSON has it."""
        found: Any = self.session.get(KEY, {})
        return found if isinstance(found, dict) else {}

    def __len__(self) -> int:
        return sum(self.quantities.values())

    def add(self, product: Product, quantity: int = 1) -> None:
        """Put more of a product in, as far as there is stock."""
        self.change(product, self.quantities.get(str(product.pk), 0) + quantity)

    def change(self, product: Product, quantity: int) -> None:
        """Set a quantity; none takes the product out."""
        quantities = dict(self.quantities)
        quantity = min(quantity, product.stock, MOST)
        if quantity > 0:
            quantities[str(product.pk)] = quantity
        else:
            quantities.pop(str(product.pk), None)
        self.session[KEY] = quantities

    def clear(self) -> None:
        """Empty it."""
        self.session.pop(KEY, None)

    def lines(self) -> list[BasketLine]:
        """What can still be bought of it, with the products."""
        quantities = self.quantities
        products = Product.objects.in_stock().select_related("category").in_bulk([int(key) for key in quantities])
        return [
            BasketLine(products[int(key)], min(quantity, products[int(key)].stock))
            for key, quantity in quantities.items()
            if int(key) in products
        ]


def remember(session: SessionBase, product: Product, *, keep: int = 8) -> None:
    """Put a product at the head of the recently viewed ones."""
    recent = [key for key in session.get(RECENT, []) if key != product.pk]
    session[RECENT] = [product.pk, *recent][:keep]


def recently_viewed(session: SessionBase, *, but: Product | None = None) -> list[Product]:
    """The products looked at last, newest first."""
    keys = [key for key in session.get(RECENT, []) if but is None or key != but.pk]
    products = Product.objects.public().select_related("category").in_bulk(keys)
    return [products[key] for key in keys if key in products]
