"""A small world whose right answers are known: gardeners buy for the garden, cooks for the kitchen, in a fixed round.

Item k of a half is followed by item k + 1 of that half, so who saw k wants k + 1, and nobody wants the other half.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from mtrec_django import Event
from tests.site.models import Category, Product

ITEMS = 12
"""Of each half."""

USERS = 60
ROUND = 8
"""Events of each visitor."""

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)

NAMES = {
    "garden": [
        "rake",
        "spade",
        "hose",
        "pot",
        "seed",
        "fence",
        "shears",
        "trowel",
        "barrow",
        "bench",
        "parasol",
        "gnome",
    ],
    "kitchen": ["pan", "ladle", "knife", "bowl", "plate", "whisk", "oven", "kettle", "board", "cup", "jar", "sieve"],
}


def make_products() -> dict[str, list[Product]]:
    """Both halves, in order."""
    halves: dict[str, list[Product]] = {}
    for half, names in NAMES.items():
        category = Category.objects.create(name=half)
        halves[half] = [
            Product.objects.create(sku=f"{half}-{k}", title=f"{half} {name}", category=category, price=k + 1, stock=5)
            for k, name in enumerate(names)
        ]
    return halves


def make_events(halves: dict[str, list[Product]]) -> Iterator[Event]:
    """Every visitor walks his half from a place of his own; the last events are the newest of all."""
    for user in range(USERS):
        half = halves["garden" if user % 2 else "kitchen"]
        for step in range(ROUND):
            yield Event(
                object_id=half[(user + step) % ITEMS].pk,
                visitor=f"visitor-{user}",
                kind="purchase",
                time=BEGINNING + timedelta(days=step, minutes=user),
                source="testsite.product",
            )
