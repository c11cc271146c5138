from __future__ import annotations

import pytest

from example_project.shop.titles import clean_title


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("SET/6 IVORY BIRD T-LIGHT CANDLES", "Set of 6 ivory bird T-light candles"),
        ("S/4 PINK FLOWER  CANDLES IN BOWL", "Set of 4 pink flower candles in bowl"),
        ("ASSTD DESIGN 3D PAPER STICKERS.", "Assorted design 3d paper stickers"),
        ("DOORMAT UNION FLAG", "Doormat Union flag"),
        ("WRAP, BILLBOARD FONTS,DESIGN", "Wrap, billboard fonts, design"),
        ("15CM CHRISTMAS GLASS BALL", "15 cm Christmas glass ball"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS ", "Paper chain kit 50s Christmas"),
        ("I LOVE LONDON MINI BACKPACK", "I love London mini backpack"),
        ("HOT BATHS SOAP HOLDER", "Hot baths soap holder"),
    ],
)
def test_titles_are_put_into_sentence_case(raw: str, clean: str) -> None:
    assert clean_title(raw) == clean


def test_a_clean_title_stays_as_it_is() -> None:
    once = clean_title("SET/6 IVORY BIRD T-LIGHT CANDLES")

    assert clean_title(once) == once
