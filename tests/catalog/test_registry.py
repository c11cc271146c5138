"""Models are registered once, and found from anything that belongs to them."""

from __future__ import annotations

import pytest
from django.db import models

from mtrec_django import ItemSource
from mtrec_django.catalog.registry import register, source_for, sources, sources_of, unregister, when_registered
from mtrec_django.exceptions import AlreadyRegistered, NotRegistered
from tests.site.making import registered
from tests.site.models import Article, Brand, Ebook, Maker, Product, SpecialProduct
from tests.site.recommendations import Products


def test_a_source_is_found_by_model_instance_and_label() -> None:
    source = sources()["testsite.product"]
    assert isinstance(source, Products)
    assert source_for(Product) is source_for(Product()) is source
    assert source_for("testsite.Product") is source_for("testsite.product") is source


def test_proxies_and_children_find_their_parents_source() -> None:
    assert source_for(SpecialProduct).label == "testsite.product"
    assert source_for(Ebook()).label == "testsite.product"


def test_the_nearest_source_is_taken() -> None:
    with registered(Ebook) as ebooks:
        assert source_for(Ebook()) is ebooks
        assert source_for(Product()).label == "testsite.product"


def test_a_concrete_instance_finds_the_source_of_its_proxy() -> None:
    with registered(Maker) as makers:
        assert makers.label == "testsite.maker"
        assert source_for(Brand()) is makers


def test_what_nobody_registered() -> None:
    with pytest.raises(NotRegistered, match=r"testsite\.Brand is not registered; registered are \["):
        source_for(Brand())
    with pytest.raises(NotRegistered, match=r"'shop\.prodcut'"):
        source_for("shop.prodcut")
    with pytest.raises(NotRegistered):
        unregister(Brand)


def test_twice_is_refused() -> None:
    with pytest.raises(AlreadyRegistered, match=r"testsite\.Article is registered already, by <Articles of"):
        register(Article)(ItemSource)


def test_an_abstract_model_is_refused() -> None:
    class Thing(models.Model):
        class Meta:
            abstract = True
            app_label = "testsite"

    with pytest.raises(ValueError, match="abstract"):
        register(Thing)


def test_a_class_knows_all_models_it_was_registered_for() -> None:
    with registered(Brand) as first:
        assert sources_of(type(first)) == [first]
    assert sources_of(type(first)) == []


def test_a_listener_hears_of_sources_that_are_there_and_of_those_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtrec_django.catalog.registry._listeners", [])
    heard: list[str] = []

    def listen(source: ItemSource) -> None:
        heard.append(source.label)

    when_registered(listen)
    with registered(Brand):
        assert {"testsite.product", "testsite.brand"} <= set(heard)
