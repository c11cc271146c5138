"""Known catalogues in, known items out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.db.models import QuerySet

from mtrec_django.catalog import sync as module
from mtrec_django.catalog.sync import SourceReport, item_for, sync, sync_objects, text_hash
from mtrec_django.events.tracking import track_visitor
from mtrec_django.exceptions import NotRegistered
from mtrec_django.models import Item, ItemContent, ItemVector, ModelVersion, Visitor
from mtrec_django.receivers import skip_sync
from mtrec_django.retrieval import store
from tests.site.making import make_product, registered
from tests.site.models import Article, Brand, Category, Ebook, Product, SpecialProduct, Tag

LABEL = "testsite.product"


@pytest.fixture
def lamp(db: None) -> Product:
    product = make_product(
        title="Desk lamp",
        description="<p>Warm <b>light</b></p>",
        brand=Brand.objects.create(name="Lumen & Sons"),
        category=Category.objects.create(name="Lighting"),
        price="19.50",
        photo="lamps/l1.jpg",
    )
    product.tags.set([Tag.objects.create(name="desk"), Tag.objects.create(name="brass")])
    return product


def make_base() -> ModelVersion:
    """A version with a vector for every item there is."""
    version = ModelVersion.objects.create(kind=ModelVersion.Kind.BASE, status=ModelVersion.Status.READY)
    store.create(version.pk)
    store.load_vectors(version.pk, [(pk, np.ones(64, np.float32)) for pk in Item.objects.values_list("pk", flat=True)])
    store.index(version.pk)
    store.attach(version.pk)
    return version


def sync_products() -> SourceReport:
    return sync([LABEL]).sources[LABEL]


def shown(version: ModelVersion) -> dict[str, bool]:
    return dict(ItemVector.objects.filter(version=version).values_list("object_id", "available"))


def test_a_product_becomes_an_item(lamp: Product) -> None:
    assert sync_products() == SourceReport(read=1, created=1, texts=1)
    item = Item.objects.get()
    assert (item.source, item.object_id, item.title) == (LABEL, str(lamp.pk), "Desk lamp")
    assert item.text == "Desk lamp\nWarm light\nLumen & Sons"
    assert item.text_hash == text_hash(item.text)
    assert item.categories == {"category__name": ["Lighting"], "tags__name": ["desk", "brass"]}
    assert item.numbers == {"price": 19.5}
    assert item.image == "lamps/l1.jpg"
    assert item.available


def test_a_second_sync_writes_nothing(lamp: Product) -> None:
    sync_products()
    before = Item.objects.get().updated_at
    assert sync_products() == SourceReport(read=1)
    assert Item.objects.get().updated_at == before


def test_only_a_changed_text_is_left_to_encode(lamp: Product) -> None:
    sync_products()
    Product.objects.update(price=20)
    assert sync_products() == SourceReport(read=1, changed=1)
    Product.objects.update(description="Cold light")
    assert sync_products() == SourceReport(read=1, changed=1, texts=1)
    Product.objects.update(photo="other.jpg")
    assert sync_products() == SourceReport(read=1, changed=1)


def test_a_renamed_brand_is_caught_up(lamp: Product) -> None:
    sync_products()
    Brand.objects.update(name="Lux")
    assert sync_products() == SourceReport(read=1, changed=1, texts=1)
    assert Item.objects.get().text.endswith("\nLux")


def test_an_item_without_text_needs_no_encoding(db: None) -> None:
    make_product(title="")
    assert sync_products() == SourceReport(read=1, created=1)
    assert Item.objects.get().text_hash == ""


def test_the_hash_is_sha256_in_hexadecimal() -> None:
    assert text_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert text_hash("") == ""


def test_availability_is_what_the_source_says(lamp: Product) -> None:
    make_product(stock=0)
    sync_products()
    assert list(Item.objects.order_by("pk").values_list("available", flat=True)) == [True, False]
    Product.objects.update(stock=0)
    assert sync_products() == SourceReport(read=2, changed=1)
    assert not Item.objects.filter(available=True).exists()


def test_the_copies_beside_the_vectors_follow(lamp: Product) -> None:
    other = make_product()
    sync_products()
    version = make_base()
    assert shown(version) == {str(lamp.pk): True, str(other.pk): True}
    Product.objects.filter(pk=lamp.pk).update(stock=0)
    sync_objects(LABEL, [lamp.pk])
    assert shown(version) == {str(lamp.pk): False, str(other.pk): True}
    Product.objects.update(stock=3)
    sync_products()
    assert shown(version) == {str(lamp.pk): True, str(other.pk): True}


def test_a_sync_puts_copies_right_that_went_wrong(lamp: Product) -> None:
    sync_products()
    version = make_base()
    ItemVector.objects.update(available=False)
    sync_products()
    assert shown(version) == {str(lamp.pk): True}


def test_what_is_gone_from_the_site_goes_unless_visitors_have_met_it(lamp: Product) -> None:
    unmet = make_product()
    sync_products()
    item = Item.objects.get(object_id=str(unmet.pk))
    ItemContent.objects.create(item=item, encoder="hashing", text_hash=item.text_hash, vector=b"")
    version = make_base()
    track_visitor(Visitor.objects.create(), "view", lamp)
    Product.objects.all().delete()
    assert sync_products() == SourceReport(deleted=1, retired=1)
    left = Item.objects.get()
    assert (left.title, left.available) == ("Desk lamp", False)
    assert left.feedback.count() == 1
    assert shown(version) == {left.object_id: False}
    assert sync_products() == SourceReport()


def test_what_comes_back_is_the_same_item(lamp: Product) -> None:
    sync_products()
    before = Item.objects.get()
    track_visitor(Visitor.objects.create(), "view", lamp)
    pk = lamp.pk
    Product.objects.all().delete()
    sync_products()
    make_product(pk=pk, title="Desk lamp")
    sync_products()
    after = Item.objects.get()
    assert (after.pk, after.available) == (before.pk, True)


def test_what_leaves_the_queryset_is_gone_like_what_is_deleted(db: None) -> None:
    make_product(title="draft")
    make_product(title="live")
    Item.objects.all().delete()

    def queryset(self: Any) -> QuerySet[Any]:
        return SpecialProduct.objects.exclude(title="draft")

    with registered(SpecialProduct, text=["title"], queryset=queryset):
        report = sync(["testsite.specialproduct"]).sources["testsite.specialproduct"]
        assert report == SourceReport(read=1, created=1, texts=1)
        Product.objects.update(title="draft")
        report = sync(["testsite.specialproduct"]).sources["testsite.specialproduct"]
        assert report == SourceReport(deleted=1)


def test_a_child_is_an_item_of_its_registered_parent(db: None) -> None:
    ebook = Ebook.objects.create(sku="e", title="E-book", pages=100)
    sync_products()
    assert item_for(ebook) == Item.objects.get()


def test_keys_that_are_no_numbers(db: None) -> None:
    article = Article.objects.create(headline="News")
    report = sync(["testsite.article"]).sources["testsite.article"]
    assert report.created == 1
    assert item_for(article) == Item.objects.get(object_id=str(article.pk))
    Item.objects.create(source="testsite.article", object_id="no uuid")
    assert sync(["testsite.article"]).sources["testsite.article"] == SourceReport(read=1, deleted=1)


def test_more_rows_than_a_chunk(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    for _ in range(8):
        make_product()
    seen: list[tuple[str, int, int]] = []
    report = sync([LABEL], lambda *step: seen.append(step)).sources[LABEL]
    assert report == SourceReport(read=8, created=8, texts=8)
    assert seen == [(f"Reading {LABEL}", done, 8) for done in (3, 6, 8)]
    Product.objects.filter(pk__in=list(Product.objects.values_list("pk", flat=True)[:5])).delete()
    assert sync([LABEL]).sources[LABEL] == SourceReport(read=3, deleted=5)


def test_the_number_of_queries_is_that_of_the_chunks(db: None, django_assert_max_num_queries: Any) -> None:
    brand = Brand.objects.create(name="Lumen")
    for _ in range(50):
        make_product(brand=brand)
    with django_assert_max_num_queries(14):
        sync_products()


def test_single_objects(lamp: Product) -> None:
    gone = make_product()
    sync_products()
    pk = gone.pk
    gone.delete()
    Product.objects.filter(pk=lamp.pk).update(title="Floor lamp")
    assert sync_objects(LABEL, [lamp.pk, pk]) == SourceReport(read=1, changed=1, texts=1, deleted=1)
    assert Item.objects.get().title == "Floor lamp"
    assert sync_objects(LABEL, ["no number", 10**6]) == SourceReport()


def test_an_item_is_found_and_made(lamp: Product) -> None:
    assert item_for(lamp) is None
    item = item_for(lamp, create=True)
    assert item is not None
    assert (item.title, item.available) == ("Desk lamp", True)
    assert item_for(lamp) == item_for(lamp, create=True) == item_for(item) == item
    assert item_for(Product(title="not saved"), create=True) is None
    with pytest.raises(NotRegistered):
        item_for(Brand(name="Lumen"))


def test_an_object_outside_the_catalogue_becomes_an_item_that_is_never_shown(db: None) -> None:
    product = make_product(title="draft")
    with registered(SpecialProduct, text=["title"], queryset=lambda self: SpecialProduct.objects.none()):
        item = item_for(SpecialProduct.objects.get(pk=product.pk), create=True)
    assert item is not None
    assert (item.source, item.title, item.available) == ("testsite.specialproduct", "draft", False)


def test_a_label_nobody_registered(db: None) -> None:
    with pytest.raises(NotRegistered, match="brand"):
        sync(["testsite.brand"])


def test_the_report_adds_up(lamp: Product) -> None:
    report = sync()
    assert report.texts == 1
    assert report.as_dict()[LABEL]["created"] == 1
    assert set(report.as_dict()) >= {LABEL, "testsite.article"}


@pytest.mark.django_db(transaction=True)
def test_several_syncs_at_once() -> None:
    with skip_sync():
        for _ in range(30):
            make_product()

    def work(_: int) -> int:
        try:
            return sync_products().read
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [30] * 4
    assert Item.objects.count() == 30
    assert sync_products() == SourceReport(read=30)


def test_items_of_no_registered_source_are_not_available(db: None) -> None:
    Item.objects.create(source="shop.sold", object_id="1")
    make_product()
    sync(["testsite.product"])
    assert Item.objects.filter(available=True).count() == 2
    sync()
    assert list(Item.objects.filter(available=True).values_list("source", flat=True)) == ["testsite.product"]
