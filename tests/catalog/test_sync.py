"""Known catalogues in, known items out."""

from __future__ import annotations

import pytest

from mtrec_django.catalog.sync import sync, text_hash
from mtrec_django.events.tracking import track_visitor
from mtrec_django.models import Item, Visitor
from tests.site.models import Brand, Category, Product, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def lamp() -> Product:
    brand = Brand.objects.create(name="Lumen & Sons")
    category = Category.objects.create(name="Lighting")
    product = Product.objects.create(
        sku="L1",
        title="Desk lamp",
        description="<p>Warm <b>light</b></p>",
        brand=brand,
        category=category,
        price="19.50",
        photo="lamps/l1.jpg",
    )
    product.tags.set([Tag.objects.create(name="desk"), Tag.objects.create(name="brass")])
    return product


def test_a_product_becomes_an_item(lamp: Product) -> None:
    report = sync(["testsite.Product"]).sources["testsite.product"]
    item = Item.objects.get()
    assert (report.read, report.created, report.changed, report.texts) == (1, 1, 0, 1)
    assert (item.source, item.object_id, item.title) == ("testsite.product", str(lamp.pk), "Desk lamp")
    assert item.text == "Desk lamp\nWarm light\nLumen & Sons"
    assert item.text_hash == text_hash(item.text)
    assert item.categories == {"category__name": ["Lighting"], "tags__name": ["desk", "brass"]}
    assert item.numbers == {"price": 19.5}
    assert item.image == "lamps/l1.jpg"
    assert item.available


def test_a_second_sync_writes_nothing(lamp: Product) -> None:
    sync()
    before = Item.objects.get()
    report = sync(["testsite.product"]).sources["testsite.product"]
    assert (report.read, report.created, report.changed, report.texts) == (1, 0, 0, 0)
    assert Item.objects.get().updated_at == before.updated_at


def test_met_items_stay(lamp: Product) -> None:
    sync()
    met = Visitor.objects.create()
    other = Product.objects.create(sku="L2", title="Other")
    sync()
    assert track_visitor(met, "view", lamp)
    Product.objects.all().delete()
    report = sync(["testsite.product"]).sources["testsite.product"]
    assert (report.deleted, report.retired) == (1, 1)
    assert not Item.objects.get().available
    assert other
