"""Paths lead through relations, into JSON and behind properties, or nowhere."""

from __future__ import annotations

import pytest

from mtrec_django.catalog.paths import BadPath, flatten, resolve, values
from tests.site.models import Brand, Product, Review, SpecialProduct, Tag


@pytest.mark.parametrize(
    ("name", "steps", "select", "prefetch"),
    [
        ("title", ("title",), "", ""),
        ("brand__name", ("brand", "name"), "brand", ""),
        ("brand", ("brand",), "brand", ""),
        ("brand_id", ("brand_id",), "", ""),
        ("category__parent__name", ("category", "parent", "name"), "category__parent", ""),
        ("tags__name", ("tags", "name"), "", "tags"),
        ("review__stars", ("review_set", "stars"), "", "review_set"),
        ("details__colour__name", ("details", "colour", "name"), "", ""),
        ("headline", ("headline",), "", ""),
        ("pk", ("pk",), "", ""),
    ],
)
def test_a_path_knows_its_steps_and_what_to_fetch(
    name: str, steps: tuple[str, ...], select: str, prefetch: str
) -> None:
    path = resolve(Product, name)
    assert (path.steps, path.select, path.prefetch) == (steps, select, prefetch)


def test_a_proxy_has_the_paths_of_its_model() -> None:
    assert resolve(SpecialProduct, "brand__name").select == "brand"


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("titel", "titel", "'titel': testsite.Product has no 'titel'."),
        ("brand__nmae", "nmae", "'brand__nmae': testsite.Brand has no 'nmae'."),
        ("title__upper", "upper", "'title__upper': 'title' of testsite.Product is no relation."),
        ("brand_id__name", "name", "'brand_id__name': 'brand_id' of testsite.Product is no relation."),
    ],
)
def test_a_path_that_leads_nowhere_says_where(name: str, part: str, message: str) -> None:
    with pytest.raises(BadPath) as caught:
        resolve(Product, name)
    assert caught.value.part == part
    assert str(caught.value) == message


def test_the_choices_are_those_of_the_model_that_lacks_the_part() -> None:
    with pytest.raises(BadPath) as caught:
        resolve(Product, "brand__nmae")
    assert "name" in caught.value.choices
    assert "title" not in caught.value.choices


@pytest.mark.django_db
def test_values_through_one_and_through_many() -> None:
    product = Product.objects.create(sku="1", title="Lamp", brand=Brand.objects.create(name="Lumen"))
    product.tags.set([Tag.objects.create(name=name) for name in ("desk", "brass")])
    Review.objects.create(product=product, stars=4)
    Review.objects.create(product=product, stars=5)
    product.details = {"colour": {"name": "green"}, "sizes": ["S", "M"]}
    assert values(product, ("brand", "name")) == ["Lumen"]
    assert values(product, ("tags", "name")) == ["desk", "brass"]
    assert values(product, ("review_set", "stars")) == [4, 5]
    assert values(product, ("details", "colour", "name")) == ["green"]
    assert values(product, ("details", "sizes")) == ["S", "M"]
    assert values(product, ("headline",)) == ["LAMP"]


@pytest.mark.django_db
def test_what_is_missing_on_the_way_gives_nothing() -> None:
    product = Product.objects.create(sku="1", title="Lamp")
    assert values(product, ("brand", "name")) == []
    assert values(product, ("tags", "name")) == []
    assert values(product, ("details", "colour", "name")) == []
    assert values(product, ("ebook", "pages")) == []  # the other side of a one-to-one


def test_several_values_are_flattened() -> None:
    assert list(flatten(None)) == []
    assert list(flatten("text")) == ["text"]
    assert list(flatten(["a", None, "b"])) == ["a", "b"]
    assert list(flatten(lambda: ("a", "b"))) == ["a", "b"]
    assert list(flatten(0)) == [0]
