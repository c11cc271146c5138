"""The data that is shipped."""

from __future__ import annotations

from example_project.shop.categories import SHELVES
from example_project.shop.loading import DATA, _rows


def test_the_files_are_small_and_give_credit() -> None:
    sizes = [file.stat().st_size for file in DATA.iterdir() if file.is_file()]

    assert max(sizes) < 3_000_000
    assert sum(sizes) < 5_000_000
    assert "Chen, D. (2012/2019)" in (DATA / "LICENSE.md").read_text()
    assert "CC BY 4.0" in (DATA / "LICENSE.md").read_text()


def test_items_and_users_are_whole() -> None:
    items = list(_rows(DATA, "items"))
    shelves = {shelf.name for shelf in SHELVES}

    assert len(items) == len({row["item_id"] for row in items}) == 4744
    assert all(row["title"] and float(row["price"]) > 0 and row["categories"] in shelves for row in items)
    assert len({row["user_id"] for row in _rows(DATA, "users")}) == 5878


def test_interactions_are_sorted_and_named() -> None:
    first = [row for _, row in zip(range(1000), _rows(DATA, "interactions"), strict=False)]

    assert list(first[0]) == ["user_id", "item_id", "scenario", "event", "value", "timestamp", "basket"]
    times = [int(row["timestamp"]) for row in first]
    assert times == sorted(times)
    assert all(row["basket"] for row in first)
