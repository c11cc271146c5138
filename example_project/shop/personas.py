"""A few customers worth being: found in the data, not made up."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from .models import Customer


@dataclass(frozen=True, slots=True)
class Persona:
    """One customer and what to expect of the recommendations."""

    title: str
    text: str
    customer: Customer


WISHES = (
    ("Loves Christmas", "Half the year is December here.", Q(favourite__slug="christmas")),
    ("Throws parties", "Bunting, candles, paper plates.", Q(favourite__slug="party")),
    ("Bakes and cooks", "Cake cases by the hundred.", Q(favourite__slug="kitchen-baking")),
    ("Collects bags", "Lunch bags, jumbo bags, one more bag.", Q(favourite__slug="bags-purses")),
    ("Wears sparkle", "Necklaces, earrings, bracelets.", Q(favourite__slug="jewellery-accessories")),
    ("Has green fingers", "Pots, cans and bird houses.", Q(favourite__slug="garden")),
)


def personas() -> list[Persona]:
    """One customer for each wish, a heavy buyer and one who bought once. Wishes nobody fulfils are left out."""
    customers = Customer.objects.select_related("user", "favourite")
    found = []
    for title, text, wish in WISHES:
        fans = customers.filter(wish, line_count__range=(15, 150), order_count__gte=2)
        if fan := fans.order_by("-favourite_share", "pk").first():
            found.append(Persona(title, text, fan))
    if heavy := customers.order_by("-line_count", "pk").first():
        found.append(Persona("Buys for a whole shop", "The longest history of all.", heavy))
    if light := customers.filter(order_count=1, line_count__range=(3, 6)).order_by("pk").first():
        found.append(Persona("Bought once", "A handful of products: is that enough?", light))
    return found
