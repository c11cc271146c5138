from __future__ import annotations

import re
from xml.dom import minidom

import pytest

from example_project.shop.art.choice import PATTERNS as PATTERN_RULES
from example_project.shop.art.choice import RULES, SHELF_MOTIF, art_of
from example_project.shop.art.drawing import PALETTES, draw
from example_project.shop.art.motifs import MOTIFS
from example_project.shop.art.tiles import TILES
from example_project.shop.categories import SHELVES


@pytest.mark.parametrize("motif", sorted(MOTIFS))
def test_every_drawing_is_an_image_with_nothing_left_to_fill_in(motif: str) -> None:
    art = art_of("Red retrospot mug", "21730", "tea-table")._replace(motif=motif)

    picture = draw(art)

    assert minidom.parseString(picture).documentElement.tagName == "svg"  # noqa: S318 - our own
    assert not re.search(r"\{[A-Z]\}", picture)
    assert len(picture) < 6000


def test_words_choose_thing_colour_and_pattern() -> None:
    art = art_of("Jumbo bag red retrospot", "85099B", "bags-purses")

    assert (art.motif, art.colour, art.pattern) == ("bag", "red", "dots")


def test_the_same_product_has_the_same_picture_and_another_colour_another() -> None:
    assert art_of("Blue mug", "1", "tea-table") == art_of("Blue mug", "1", "tea-table")
    assert draw(art_of("Blue mug", "1", "tea-table")) != draw(art_of("Pink mug", "1", "tea-table"))


def test_the_first_colour_named_wins() -> None:
    assert art_of("Pink and blue mug", "1", "tea-table").colour == "pink"


def test_a_colour_that_is_named_beats_one_that_is_meant() -> None:
    assert art_of("Childs garden trowel pink", "1", "garden").colour == "pink"
    assert art_of("Garden path sketchbook", "1", "garden").colour == "green"


def test_every_name_in_a_rule_can_be_drawn() -> None:
    assert {name for name, _ in RULES} | set(SHELF_MOTIF.values()) <= set(MOTIFS)
    assert {name for name, _ in PATTERN_RULES} == set(TILES)
    assert set(SHELF_MOTIF) == {shelf.slug for shelf in SHELVES} - {"odds-ends"}


def test_unknown_words_in_an_address_draw_a_parcel() -> None:
    art = art_of("Red mug", "1", "tea-table")._replace(motif="nothing", colour="none", pattern="none")

    assert "svg" in draw(art)
    assert set(PALETTES) >= {"grey"}
