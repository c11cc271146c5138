"""A mistake in a declaration is said with the remedy."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import ProgrammingError
from django.db.models import QuerySet

from mtrec_django import ItemSource
from tests.site.models import Article, Product


def check(**attributes: Any) -> list[tuple[str | None, str, str]]:
    source = type("Products", (ItemSource,), {"text": ["title"], **attributes})(Product)
    return [(message.id, message.msg, message.hint or "") for message in source.check()]


def test_a_sound_source_passes() -> None:
    found = check(
        text=["title", "brand__name", "headline", lambda product: product.sku],
        categories=["tags__name", "category__parent__name", "details__colour"],
        numbers=["price", "stock", "review__stars"],
        image="photo",
        title="title",
        lookup="sku",
    )
    assert found == []


@pytest.mark.parametrize(
    ("attributes", "message", "hint"),
    [
        ({"text": ["titel"]}, "Products.text names 'titel': testsite.Product has no 'titel'.", "Did you mean 'title'?"),
        (
            {"categories": ["brand__nmae"]},
            "Products.categories names 'brand__nmae': testsite.Brand has no 'nmae'.",
            "Did you mean 'name'?",
        ),
        ({"numbers": ["prize"]}, "Products.numbers names 'prize': testsite.Product has no 'prize'.", "'price'"),
        ({"image": "foto"}, "Products.image names 'foto': testsite.Product has no 'foto'.", "Did you mean 'photo'?"),
        ({"title": "nam"}, "Products.title names 'nam': testsite.Product has no 'nam'.", "Choices are: "),
        ({"text": ["title__upper"]}, "'title' of testsite.Product is no relation.", "#mtrec-e010"),
    ],
)
def test_a_misspelt_field(attributes: dict[str, Any], message: str, hint: str) -> None:
    ((number, found, hinted),) = check(**attributes)
    assert number == "mtrec.E010"
    assert message in found
    assert hint in hinted


def test_a_misspelt_method_of_the_source() -> None:
    ((number, _, hint),) = check(text=["shuot"], shout=lambda self, obj: "!")
    assert number == "mtrec.E010"
    assert "Did you mean 'shout'?" in hint


@pytest.mark.parametrize(
    "attributes", [{"text": "title"}, {"categories": [3]}, {"numbers": None}, {"image": ["photo"]}, {"lookup": 3}]
)
def test_a_wrong_type(attributes: dict[str, Any]) -> None:
    assert [number for number, _, _ in check(**attributes)] == ["mtrec.E011"]


def test_the_classic_mistake_is_put_right() -> None:
    ((_, _, hint),) = check(text="title")
    assert "Write text = ['title']." in hint


@pytest.mark.parametrize("lookup", ["skuu", "brand__nmae", "headline", "review"])
def test_a_lookup_must_be_a_column(lookup: str) -> None:
    assert [number for number, _, _ in check(lookup=lookup)] == ["mtrec.E012"]


def test_a_lookup_should_be_unique() -> None:
    assert [number for number, _, _ in check(lookup="title")] == ["mtrec.W013"]


def test_text_among_the_numbers() -> None:
    assert [number for number, _, _ in check(numbers=["title"])] == ["mtrec.W012"]


def test_a_source_that_says_little() -> None:
    assert [number for number, _, _ in check(text=[])] == ["mtrec.W010"]
    assert [number for number, _, _ in check(text=[], numbers=["price"])] == ["mtrec.W011"]


@pytest.mark.parametrize("method", ["available", "queryset"])
def test_querysets_are_of_the_model_and_take_a_filter(method: str) -> None:
    assert check(**{method: lambda self: Product.objects.filter(stock__gt=0)}) == []
    for wrong in (lambda self: Article.objects.all(), lambda self: [1, 2]):
        assert [number for number, _, _ in check(**{method: wrong})] == ["mtrec.E013"]
    for wrong in (
        lambda self: Product.objects.all()[:10],
        lambda self: Product.objects.filter(pk=1).union(Product.objects.filter(pk=2)),
    ):
        assert [number for number, _, _ in check(**{method: wrong})] == ["mtrec.E014"]


def test_a_queryset_that_needs_a_table_before_the_first_migrate_is_no_error() -> None:
    def available(self: ItemSource) -> QuerySet[Any]:
        raise ProgrammingError("relation does not exist")

    assert check(available=available) == []
