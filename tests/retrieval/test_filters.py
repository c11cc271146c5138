"""A site's querysets as conditions: every kind of key, every kind of queryset."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db.models import Count, Model
from django.db.models.functions import Length

from mtrec_django.catalog import registry
from mtrec_django.catalog.item_source import ItemSource
from mtrec_django.exceptions import NotRegistered
from mtrec_django.models import Item
from mtrec_django.retrieval.filters import Allowed, keys_of
from mtrec_django.retrieval.statement import Fragment, compose, read
from tests.site.models import Article, Brand, Category, Ebook, Product, SpecialProduct, Tag

POOL = Fragment(
    "(select id as item_id, source, object_id, available,"
    " case when object_id ~ '^[0-9]+$' then object_id::bigint end as object_key from mtrec_item) as v"
)


def held(allowed: Allowed, *, narrow: bool, by_text: bool = False) -> set[str]:
    where = allowed.where(narrow=narrow, by_text=by_text)
    (rows,) = read([compose("select object_id from {p} where {w}", p=POOL, w=where)], using="default")
    return {row[0] for row in rows}


def tried(allowed: Allowed) -> set[str]:
    """The same where all keys are asked for at once."""
    assert allowed.can_be_tried
    asked = compose(
        "with near as materialized (select * from {pool} where {told}) select object_id from near as v where {tried}",
        pool=POOL,
        told=allowed.told,
        tried=allowed.tried(Fragment("near")),
    )
    (rows,) = read([asked], using="default")
    return {row[0] for row in rows}


def items_of(*objects: Model) -> None:
    Item.objects.bulk_create([Item(source=registry.source_for(one).label, object_id=str(one.pk)) for one in objects])


@pytest.fixture
def shop(db: None) -> list[Product]:
    brand, other = Brand.objects.create(name="a"), Brand.objects.create(name="b")
    shelf = Category.objects.create(name="shelf")
    tags = [Tag.objects.create(name=name) for name in "xyz"]
    products = [
        Product.objects.create(sku=f"{row}", title=f"P{row}%", price=row, brand=(brand, other)[row % 2], category=shelf)
        for row in range(6)
    ]
    for product in products[:3]:
        product.tags.set(tags)
    items_of(*products, *(Article.objects.create(headline=str(row)) for row in range(3)))
    return products


QUERYSETS = {
    "all": lambda: Product.objects.all(),
    "none": lambda: Product.objects.none(),
    "field": lambda: Product.objects.filter(price__gte=3),
    "percent sign": lambda: Product.objects.filter(title__endswith="%", sku__contains="1"),
    "join": lambda: Product.objects.filter(brand__name="a"),
    "many rows a product": lambda: Product.objects.filter(tags__name__in=["x", "y"]),
    "annotated": lambda: Product.objects.annotate(n=Count("tags")).filter(n__gt=1),
    "expression": lambda: Product.objects.annotate(size=Length("title")).filter(size__gt=1).order_by("size"),
    "subquery": lambda: Product.objects.filter(pk__in=Product.objects.filter(price__lt=2)),
    "sliced": lambda: Product.objects.order_by("-price")[1:3],
    "union": lambda: Product.objects.filter(price=1).union(Product.objects.filter(price=4)),
    "distinct": lambda: Product.objects.filter(tags__isnull=False).distinct(),
    "distinct on": lambda: Product.objects.order_by("brand", "-price").distinct("brand"),
    "proxy": lambda: SpecialProduct.objects.filter(price__lt=2),
    "only": lambda: Product.objects.select_related("brand").prefetch_related("tags").filter(price__lt=2),
}
FIXED = {"sliced", "union"}


@pytest.mark.parametrize("name", QUERYSETS)
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("by_text", [False, True])
def test_holds_what_the_queryset_holds(shop: list[Product], name: str, narrow: bool, by_text: bool) -> None:
    queryset = QUERYSETS[name]()
    allowed = Allowed(("testsite.product",), keys=(keys_of(queryset, "default"),))
    assert held(allowed, narrow=narrow, by_text=by_text) == {str(one.pk) for one in queryset}


@pytest.mark.parametrize("name", sorted(QUERYSETS.keys() - FIXED))
def test_all_keys_at_once(shop: list[Product], name: str) -> None:
    queryset = QUERYSETS[name]()
    allowed = Allowed(("testsite.product",), keys=(keys_of(queryset, "default"),))
    assert tried(allowed) == {str(one.pk) for one in queryset}


@pytest.mark.parametrize("name", sorted(FIXED))
def test_what_would_be_another_queryset_for_some_keys_is_not_asked_at_once(shop: list[Product], name: str) -> None:
    assert not Allowed(("testsite.product",), keys=(keys_of(QUERYSETS[name](), "default"),)).can_be_tried


def test_keys_are_asked_at_once_of_one_source_alone(shop: list[Product]) -> None:
    keys = (keys_of(Product.objects.filter(price__lt=2), "default"),)
    assert not Allowed(("testsite.product", "testsite.article"), keys=keys).can_be_tried
    assert not Allowed(("testsite.product",), keys=keys, without=keys).can_be_tried
    assert not Allowed(("testsite.product",)).can_be_tried


@pytest.mark.parametrize("narrow", [False, True])
def test_uuid_keys(shop: list[Product], narrow: bool) -> None:
    queryset = Article.objects.exclude(headline="1")
    allowed = Allowed(("testsite.article",), keys=(keys_of(queryset, "default"),))
    assert held(allowed, narrow=narrow) == {str(one.pk) for one in queryset}
    assert tried(allowed) == {str(one.pk) for one in queryset}
    assert tried(Allowed(allowed.labels, keys=(keys_of(Article.objects.none(), "default"),))) == set()


@pytest.mark.parametrize("narrow", [False, True])
def test_two_models_at_once(shop: list[Product], narrow: bool) -> None:
    keys = (
        keys_of(Article.objects.filter(headline="1"), "default"),
        keys_of(Product.objects.filter(price__lt=2), "default"),
    )
    both = Allowed(("testsite.article", "testsite.product"), keys=keys)
    assert len(held(both, narrow=narrow)) == 3
    articles = Allowed(("testsite.article", "testsite.product"), keys=keys[:1])
    assert len(held(articles, narrow=narrow)) == 7


@pytest.mark.parametrize("narrow", [False, True])
def test_all_querysets_of_a_model_must_hold(shop: list[Product], narrow: bool) -> None:
    keys = (
        keys_of(Product.objects.filter(price__gt=1), "default"),
        keys_of(Product.objects.filter(price__lt=4), "default"),
    )
    assert held(Allowed(("testsite.product",), keys=keys), narrow=narrow) == {str(one.pk) for one in shop[2:4]}
    assert tried(Allowed(("testsite.product",), keys=keys)) == {str(one.pk) for one in shop[2:4]}


@pytest.mark.parametrize("narrow", [False, True])
def test_a_child_with_a_table_of_its_own(shop: list[Product], narrow: bool) -> None:
    book = Ebook.objects.create(sku="book", title="Book", pages=3)
    items_of(book)
    allowed = Allowed(("testsite.product",), keys=(keys_of(Ebook.objects.filter(pages=3), "default"),))
    assert held(allowed, narrow=narrow) == {str(book.pk)}


class Named(ItemSource):
    """Of a model whose key is text."""


@pytest.mark.parametrize("narrow", [False, True])
def test_text_keys(db: None, monkeypatch: pytest.MonkeyPatch, narrow: bool) -> None:
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    monkeypatch.setattr(registry, "_sources", {**registry.sources(), "sessions.session": Named(Session)})
    for key in ("one", "two", "3"):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now())
        Item.objects.create(source="sessions.session", object_id=key)
    allowed = Allowed(("sessions.session",), keys=(keys_of(Session.objects.exclude(pk="two"), "default"),))
    assert held(allowed, narrow=narrow) == {"one", "3"}
    assert tried(allowed) == {"one", "3"}


def test_labels_flags_and_exclusions(shop: list[Product]) -> None:
    Item.objects.filter(object_id=str(shop[0].pk)).update(available=False)
    assert len(held(Allowed(), narrow=False)) == 8
    assert len(held(Allowed(flagged=False), narrow=False)) == 9
    assert len(held(Allowed(("testsite.article",)), narrow=False)) == 3
    out = Item.objects.get(object_id=str(shop[1].pk)).pk
    allowed = Allowed(("testsite.product",), (out,), {"testsite.product": [str(shop[2].pk)]})
    assert held(allowed, narrow=False) == {str(one.pk) for one in shop[3:]}


def test_values_of_the_site_are_bound_not_pasted(shop: list[Product]) -> None:
    evil = "'; drop table mtrec_item; --"
    allowed = Allowed((evil,), objects={evil: [evil]}, keys=(keys_of(Product.objects.filter(sku=evil), "default"),))
    assert held(allowed, narrow=False) == set()
    assert Item.objects.exists()


def test_a_model_that_is_no_source(db: None) -> None:
    with pytest.raises(NotRegistered):
        keys_of(Group.objects.all(), "default")


@pytest.mark.parametrize("narrow", [False, True])
def test_a_queryset_of_another_database(shop: list[Product], narrow: bool) -> None:
    """Only its keys can travel."""
    allowed = Allowed(("testsite.product",), keys=(keys_of(Product.objects.filter(price__lt=2), "elsewhere"),))
    assert held(allowed, narrow=narrow) == {str(one.pk) for one in shop[:2]}
