from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from example_project.shop.loading import is_loaded, load_shop
from example_project.shop.models import Category, Customer, Order, OrderLine, Product
from tests.example_project.folder import LINES, NEWEST

pytestmark = pytest.mark.django_db


def test_an_empty_shop_is_filled(folder: Path) -> None:
    counts = load_shop(folder)

    assert counts == {"products": 6, "customers": 4, "orders": 6, "lines": LINES}
    assert OrderLine.objects.count() == LINES
    assert Category.objects.count() == 17
    assert is_loaded()


def test_what_was_never_ordered_is_no_product_and_what_was_long_ago_is_sold_out(folder: Path) -> None:
    load_shop(folder)

    assert not Product.objects.filter(sku="NEVER").exists()
    assert Product.objects.get(sku="OLD").stock == 0
    assert set(Product.objects.in_stock().values_list("sku", flat=True)) == {"MUG", "POT", "TREE", "STAR", "BAG"}


def test_times_are_moved_by_whole_weeks_to_the_last_seven_days(folder: Path) -> None:
    load_shop(folder)

    newest = Order.objects.get(number="6").placed_at
    moved = newest - datetime.fromtimestamp(NEWEST, UTC)
    assert timedelta() <= timezone.now() - newest < timedelta(days=7)
    assert moved.total_seconds() % (7 * 24 * 3600) == 0
    assert newest - Order.objects.get(number="5").placed_at == timedelta(days=1)


def test_customers_know_their_favourite_shelf_and_have_no_password(folder: Path) -> None:
    load_shop(folder)

    customer = Customer.objects.get(user__username="200")
    assert (customer.favourite.name, customer.favourite_share) == ("Christmas", 0.75)
    assert (customer.order_count, customer.line_count, customer.country) == (2, 4, "France")
    assert not customer.user.has_usable_password()
    assert Customer.objects.get(user__username="400").favourite is None


def test_a_limit_keeps_so_many_customers_and_what_they_bought(folder: Path) -> None:
    counts = load_shop(folder, limit=2)

    assert counts["customers"] == 2
    assert set(User.objects.values_list("username", flat=True)) == {"100", "300"}
    assert set(Product.objects.values_list("sku", flat=True)) == {"OLD", "MUG", "POT", "BAG"}


@pytest.mark.django_db(transaction=True)
def test_a_load_that_fails_leaves_nothing_behind(folder: Path) -> None:
    users = folder / "users.csv.gz"
    users.write_bytes(gzip.compress(b"user_id,country\n100,United Kingdom\n"))

    with pytest.raises(KeyError):
        load_shop(folder)

    assert not is_loaded()
    assert not Category.objects.exists()


def test_progress_ends_at_the_number_of_lines(folder: Path) -> None:
    told: list[tuple[int, int]] = []

    load_shop(folder, report=lambda done, total: told.append((done, total)))

    assert told[-1] == (LINES, LINES)
