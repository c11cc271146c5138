"""What goes out as a folder comes in again as it was."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mtrec_django import jobs
from mtrec_django.catalog.sync import sync
from mtrec_django.dataset_folder import Interaction, iter_interactions, iter_items
from mtrec_django.events.folders import import_folder
from mtrec_django.events.relations import set_relation
from mtrec_django.models import Feedback, Item, Relation, Scenario, Visitor
from mtrec_django.testing import make_event, make_scenario, make_visitor
from tests.site.making import make_product
from tests.site.models import Article, Category, Product, Tag

pytestmark = pytest.mark.django_db

LABEL = "testsite.product"
TIME = datetime(2024, 5, 1, 12, 30, 7, tzinfo=UTC)


@pytest.fixture
def shop(db: None) -> list[Product]:
    """Two products, two visitors of every kind, and an article that is another source's."""
    lamp = make_product(sku="L|1", title="Lamp", description='It shines, on "paper"\nand wood.', price="9.50")
    lamp.category = Category.objects.create(name="Light")
    lamp.save()
    lamp.tags.set([Tag.objects.create(name="home"), Tag.objects.create(name="desk")])
    chair = make_product(sku="C1", title="Chair")
    sync([LABEL])
    make_scenario("shelf")
    ann = make_visitor(external_id="ann, of Ghent", features={"age": 33, "town": "Ghent"})
    guest = make_visitor()
    make_event(lamp, "purchase", visitor=ann, value=2, time=TIME, basket="o1", scenario="shelf")
    make_event(chair, "rating", visitor=guest, value=4.5, time=datetime(1970, 1, 1, tzinfo=UTC))
    make_event(Article.objects.create(headline="News"), visitor=make_visitor(external_id="reader"))
    set_relation(ann, guest, weight=2.5)
    return [lamp, chair]


def events() -> set[tuple[Any, ...]]:
    return set(
        Feedback.objects.filter(item__source=LABEL).values_list(
            "visitor__external_id", "item__object_id", "kind", "value", "time", "scenario__name", "basket"
        )
    )


def test_what_is_written_comes_in_as_it_was(shop: list[Product], tmp_path: Path) -> None:
    Visitor.objects.filter(external_id=None).update(external_id="guest")
    before = events()
    assert jobs.export_folder(tmp_path, LABEL) == {"interactions": 2, "items": 2, "users": 1, "relations": 1}
    Feedback.objects.all().delete()
    Visitor.objects.all().delete()
    report = import_folder(tmp_path, LABEL)
    assert (report.read, report.imported) == (2, 2)
    assert events() == before
    assert Visitor.objects.get(external_id="ann, of Ghent").features == {"age": "33", "town": "Ghent"}
    assert Relation.objects.values_list("visitor__external_id", "other__external_id", "weight").get() == (
        "ann, of Ghent",
        "guest",
        2.5,
    )


def test_objects_go_by_their_lookup_and_guests_by_their_key(shop: list[Product], tmp_path: Path) -> None:
    jobs.export_folder(tmp_path, LABEL)
    rows = [row for row in iter_interactions(tmp_path) if isinstance(row, Interaction)]
    assert [row.item_id for row in rows] == ["L|1", "C1"]
    assert rows[1].user_id == str(Visitor.objects.get(external_id=None).key)
    (lamp, chair) = iter_items(tmp_path)
    assert (lamp.title, lamp.text) == ("Lamp", Item.objects.get(object_id=str(shop[0].pk)).text)
    assert lamp.features == {"category__name": "Light", "tags__name": "home|desk", "price": "9.5"}
    assert chair.features["price"] == ""


def test_events_of_another_source_stay(shop: list[Product], tmp_path: Path) -> None:
    jobs.export_folder(tmp_path, LABEL)
    for file in tmp_path.glob("*.csv.gz"):
        assert b"reader" not in gzip.decompress(file.read_bytes())
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_without_a_model_goes_out_and_in(tmp_path: Path) -> None:
    from tests.site.folder import write_folder

    write_folder(
        tmp_path / "data",
        interactions="user_id,item_id,scenario,event,value,timestamp\nu1,a,shelf,view,,1300000000\n",
        items="item_id,title,text,brand\na,Lamp,A lamp of brass,Lux|Lumen\n",
    )
    import_folder(tmp_path / "data")
    fields = ("title", "text", "text_hash", "categories", "available")
    before = Item.objects.values(*fields).get(source="dataset.data")
    assert (before["text"], before["available"]) == ("A lamp of brass", False)
    out = tmp_path / "out" / "data"
    jobs.export_folder(out, "dataset.data")
    for model in (Feedback, Item, Visitor, Scenario):
        model.objects.all().delete()
    assert import_folder(out).imported == 1
    assert Item.objects.values(*fields).get() == before
