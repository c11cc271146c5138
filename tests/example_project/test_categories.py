from __future__ import annotations

import pytest

from example_project.shop.categories import SHELVES, shelf_of


@pytest.mark.parametrize(
    ("title", "shelf"),
    [
        ("White hanging heart T-light holder", "Candles & lights"),
        ("Hot water bottle keep calm", "Cosy home"),
        ("Knitted Union flag hot water bottle", "Cosy home"),
        ("Pack of 72 skull cake cases", "Kitchen & baking"),
        ("Paper chain kit 50s Christmas", "Christmas"),
        ("Lunch bag black skull", "Bags & purses"),
        ("Bathroom metal sign", "Walls & signs"),
        ("Set of 10 red polkadot party candles", "Party"),
        ("Quite another thing", "Odds and ends"),
    ],
)
def test_words_of_the_title_choose_the_shelf(title: str, shelf: str) -> None:
    assert shelf_of(title).name == shelf


def test_shelves_have_addresses_of_their_own() -> None:
    assert len({shelf.slug for shelf in SHELVES}) == len(SHELVES) == 17
