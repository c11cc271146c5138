"""What a source says about an object."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Avg, QuerySet
from django.test.utils import CaptureQueriesContext

from mtrec_django import ItemSource
from mtrec_django.catalog.item_source import ItemFields
from tests.site.making import make_product
from tests.site.models import Article, Brand, Product, Review, SpecialProduct, Tag


class Plain(ItemSource):
    text = ["title", "description"]


def describe(obj: Any, **attributes: Any) -> ItemFields:
    return type("Described", (ItemSource,), attributes)(type(obj)).describe(obj)


def test_the_label_is_the_models() -> None:
    assert Plain(Product).label == "testsite.product"
    assert Plain(SpecialProduct).label == "testsite.specialproduct"


def test_text_is_plain_and_one_line_an_entry() -> None:
    product = Product(title="Tea  &amp; cake", description="<p>For <b>two</b>:\n R&D < 5\x00</p>")
    fields = describe(product, text=["title", "description"])
    assert fields.text == "Tea & cake\nFor two: R&D < 5"
    assert fields.title == "Tea & cake"


def test_an_empty_entry_leaves_no_line() -> None:
    assert describe(Product(title="Lamp"), text=["description", "title"]).text == "Lamp"


def test_the_title_may_be_another_field_and_is_never_empty() -> None:
    product = Product(title="Lamp", description="Warm light", sku="L1")
    assert describe(product, text=["description"], title="title").title == "Lamp"
    assert describe(product, text=["description"]).title == "Warm light"
    assert describe(product, numbers=["price"]).title == "Lamp"  # str(product)


def test_what_is_missing_stays_missing() -> None:
    fields = describe(
        Product(title="Lamp", price=None), categories=["brand__name"], numbers=["price"], image="photo", text=["title"]
    )
    assert fields == ItemFields(title="Lamp", text="Lamp")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (Decimal("19.90"), 19.9),
        ("4.5", 4.5),
        (True, 1.0),
        (datetime.datetime(1970, 1, 2, tzinfo=datetime.UTC), 86400.0),
        (datetime.date(1970, 1, 2), 86400.0),
        (datetime.timedelta(minutes=2), 120.0),
        ([1, 2, 6], 3.0),
        (["", 4], 4.0),
    ],
)
def test_what_reads_as_a_number(value: Any, number: float) -> None:
    assert describe(Product(), numbers=[lambda product: value]).numbers == {"<lambda>": number}


@pytest.mark.parametrize("value", [None, "", "cheap", math.nan, math.inf, Decimal("NaN"), [], 10**400, object()])
def test_what_does_not(value: Any) -> None:
    assert describe(Product(), numbers=[lambda product: value]).numbers == {}


def test_labels_are_different_texts() -> None:
    product = Product(details={"colours": ["red", " blue ", "red", "", None], "size": 3})
    fields = describe(product, categories=["details__colours", "details__size"])
    assert fields.categories == {"details__colours": ["red", "blue"], "details__size": ["3"]}


def test_an_image_address_is_left_as_it_is() -> None:
    assert describe(Product(photo="a  b.jpg"), image="photo").image == "a  b.jpg"
    assert describe(Product(), image=lambda self, product: "/i?x=1&copy=2").image == "/i?x=1&copy=2"


def test_entries_may_be_methods_of_the_source_the_model_or_callables() -> None:
    class Products(ItemSource):
        text = ["headline", "shout", lambda product: product.sku]
        categories = ["first_letter"]

        def shout(self, obj: Any) -> str:
            return f"{obj.title}!"

        def first_letter(self, obj: Any) -> list[str]:
            return [obj.title[0]]

    fields = Products(Product).describe(Product(title="Lamp", sku="L1"))
    assert fields.text == "LAMP\nLamp!\nL1"
    assert fields.categories == {"first_letter": ["L"]}


def test_a_field_wins_over_a_method_of_the_same_name() -> None:
    class Products(ItemSource):
        text = ["description"]

        def description(self, obj: Any) -> str:
            return "the method"

    assert Products(Product).describe(Product(description="the field")).text == "the field"


def test_the_words_of_the_base_class_are_no_methods_of_the_source() -> None:
    with pytest.raises(AttributeError):
        describe(Product(title="Lamp"), text=["label"])  # not ItemSource.label


@pytest.mark.django_db
def test_the_queryset_fetches_what_the_paths_need(django_assert_num_queries: Any) -> None:
    brand = Brand.objects.create(name="Lumen")
    for _ in range(3):
        make_product(brand=brand).tags.add(Tag.objects.create(name="desk"))

    class Products(ItemSource):
        text = ["title", "brand__name"]
        categories = ["tags__name"]

    source = Products(Product)
    with django_assert_num_queries(2):
        described = [source.describe(product) for product in source.queryset()]
    assert [fields.categories for fields in described] == [{"tags__name": ["desk"]}] * 3


@pytest.mark.django_db
def test_an_annotation_of_the_queryset_is_an_entry() -> None:
    class Products(ItemSource):
        text = ["title"]
        numbers = ["stars"]

        def queryset(self) -> QuerySet[Any]:
            return super().queryset().annotate(stars=Avg("review__stars"))

    product = make_product()
    Review.objects.create(product=product, stars=4)
    Review.objects.create(product=product, stars=5)
    source = Products(Product)
    assert source.describe(source.queryset().get()).numbers == {"stars": 4.5}
    assert source.check() == []


def test_urls() -> None:
    assert Plain(Product).url(Product(sku="L1")) == "/products/L1/"
    assert Plain(Article).url(Article()) == ""


@pytest.mark.django_db
def test_all_are_available_and_there_is_no_history_unless_the_site_says_so() -> None:
    product = make_product()
    source = Plain(Product)
    assert list(source.available()) == [product]
    assert list(source.history()) == []


def test_describing_asks_nothing_of_the_database(db: None) -> None:
    from django.db import connection

    with CaptureQueriesContext(connection) as queries:
        describe(Product(title="Lamp"), text=["title"], numbers=["price"])
    assert len(queries) == 0
