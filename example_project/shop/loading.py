"""Fills an empty shop from its dataset folder, all or nothing.

The data ends in December 2011. A shop whose last order is years old has no trends, so every time is moved by the same
whole number of weeks, such that the newest order lies within the last seven days; gaps, weekdays and hours stay.
"""

from __future__ import annotations

import csv
import gzip
import lzma
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone
from django.utils.text import slugify

from .categories import SHELVES
from .models import Category, Customer, Order, OrderLine, Product

DATA = Path(__file__).parent / "data"
WEEK = 7 * 24 * 3600
SOLD_OUT_AFTER = 365 * 24 * 3600
"""Seconds without an order after which a product counts as sold out. Stock is made up: the data has none."""

Report = Callable[[int, int], None]
"""Called with lines written and lines in all."""

Line = tuple[str, str, int]  # order number, stock code, quantity


@dataclass(slots=True)
class History:
    """The interactions, read."""

    lines: list[Line] = field(default_factory=list)
    orders: dict[str, tuple[str, int]] = field(default_factory=dict)  # number -> customer, unix time
    first: dict[str, int] = field(default_factory=dict)  # stock code -> first order
    last: dict[str, int] = field(default_factory=dict)  # stock code -> last order
    sold: Counter[str] = field(default_factory=Counter)  # stock code -> lines


def read_history(folder: Path, customers: set[str] | None = None) -> History:
    """Read the orders, those of some customers only if told so."""
    history = History()
    for row in _rows(folder, "interactions"):
        if customers is not None and row["user_id"] not in customers:
            continue
        sku, time = row["item_id"], int(row["timestamp"])
        history.orders.setdefault(row["basket"], (row["user_id"], time))
        history.lines.append((row["basket"], sku, max(1, int(float(row["value"])))))
        history.first[sku] = min(time, history.first.get(sku, time))
        history.last[sku] = max(time, history.last.get(sku, time))
        history.sold[sku] += 1
    return history


def is_loaded() -> bool:
    """Whether the shop has been filled: products are written last but together with all else, so one is enough."""
    return Product.objects.exists()


@transaction.atomic
def load_shop(folder: Path = DATA, *, limit: int | None = None, report: Report | None = None) -> dict[str, int]:
    """Write shelves, products, customers and orders; gives how many of each. `limit` keeps so many customers only."""
    people = list(_rows(folder, "users"))
    people = people[:: max(1, len(people) // limit)][:limit] if limit else people
    history = read_history(folder, {row["user_id"] for row in people} if limit else None)
    moved = _weeks_to_now(max(time for _, time in history.orders.values()))
    products = _write_products(folder, history, moved)
    users = _write_customers(people, history, products)
    orders = _write_orders(history, users, moved)
    _write_lines(history, orders, products, report)
    return {"products": len(products), "customers": len(users), "orders": len(orders), "lines": len(history.lines)}


def _weeks_to_now(newest: int) -> int:
    """Seconds to move every time by."""
    return (int(timezone.now().timestamp()) - newest) // WEEK * WEEK


def _write_products(folder: Path, history: History, moved: int) -> dict[str, Product]:
    shelves = {
        row.name: row
        for row in Category.objects.bulk_create(
            Category(name=shelf.name, slug=shelf.slug, blurb=shelf.blurb, position=position)
            for position, shelf in enumerate(SHELVES)
        )
    }
    newest = max(history.last.values())
    rows = [
        Product(
            sku=row["item_id"],
            title=row["title"],
            slug=slugify(row["title"])[:120] or "product",
            category=shelves[row["categories"]],
            price=Decimal(row["price"]),
            stock=0 if newest - history.last[row["item_id"]] > SOLD_OUT_AFTER else _stock(row["item_id"]),
            sold=history.sold[row["item_id"]],
            created=_time(history.first[row["item_id"]] + moved),
        )
        for row in _rows(folder, "items")
        if row["item_id"] in history.sold
    ]
    return {row.sku: row for row in Product.objects.bulk_create(rows, batch_size=2000)}


def _stock(sku: str) -> int:
    seed = zlib.crc32(sku.encode())
    return 3 + seed % 5 if seed % 37 == 0 else 40 + seed % 460


def _write_customers(people: list[dict[str, str]], history: History, products: dict[str, Product]) -> dict[str, int]:
    shelves: dict[str, Counter[int]] = defaultdict(Counter)
    orders = Counter(customer for customer, _ in history.orders.values())
    for number, sku, _ in history.lines:
        shelves[history.orders[number][0]][products[sku].category_id] += 1
    users = User.objects.bulk_create(
        (User(username=row["user_id"], password=make_password(None)) for row in people), batch_size=2000
    )
    rows = []
    for user, row in zip(users, people, strict=True):
        count = shelves[user.username]
        favourite, most = count.most_common(1)[0] if count else (None, 0)
        rows.append(
            Customer(
                user=user,
                country=row["country"],
                order_count=orders[user.username],
                line_count=count.total(),
                favourite_id=favourite,
                favourite_share=most / count.total() if count else 0.0,
            )
        )
    Customer.objects.bulk_create(rows, batch_size=2000)
    return {user.username: user.pk for user in users}


def _write_orders(history: History, users: dict[str, int], moved: int) -> dict[str, int]:
    rows = [
        Order(number=number, user_id=users[customer], placed_at=_time(time + moved))
        for number, (customer, time) in sorted(history.orders.items(), key=lambda entry: (entry[1][1], entry[0]))
    ]
    return {row.number: row.pk for row in Order.objects.bulk_create(rows, batch_size=5000)}


def _write_lines(history: History, orders: dict[str, int], products: dict[str, Product], report: Report | None) -> None:
    table = OrderLine._meta.db_table
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy {table} (order_id, product_id, quantity, price) from stdin") as copy,
    ):
        for done, (number, sku, quantity) in enumerate(history.lines, start=1):
            product = products[sku]
            copy.write_row((orders[number], product.pk, quantity, product.price))
            if report and (done % 10_000 == 0 or done == len(history.lines)):
                report(done, len(history.lines))


def _time(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    packed = folder / f"{name}.csv.xz"
    unpack: Any = lzma.open if packed.exists() else gzip.open
    with unpack(packed if packed.exists() else folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
