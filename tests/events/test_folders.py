"""A dataset folder comes in, with or without a catalogue of the site."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from mtrec_django.catalog.sync import sync
from mtrec_django.events.folders import import_folder
from mtrec_django.exceptions import NotRegistered
from mtrec_django.models import Feedback, Item, Relation, Scenario, Visitor
from tests.site.folder import write_folder
from tests.site.making import make_product

pytestmark = pytest.mark.django_db

INTERACTIONS = """user_id,item_id,scenario,event,value,timestamp,basket
u1,a,shop,purchase,2,1300000000,o1
u1,b,shop,purchase,1,1300000000,o1
u2,b,shop,view,,2011-03-13T07:06:40,
u2,b,shop,view,,2011-03-13T07:06:40,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prices = "".join(f"x{number},Thing {number},,{number}.5,{number},42\n" for number in range(30))
    return write_folder(
        tmp_path / "Tiny Shop",
        interactions=INTERACTIONS,
        items=f"item_id,title,categories,price,brand_id,weird\na,Lamp,Home|Light,9.5,7,\nb,Chair,,,,nan\n{prices}",
        users="user_id,age,country\nu1,,France\nu3,33,\n",
        relations="user_id,other_id,kind,weight\nu1,u2,friend,2\nu1,u4,,\nu1,u2,friend,much\n",
    )


def test_a_folder_becomes_a_catalogue_of_its_own(folder: Path) -> None:
    report = import_folder(folder)
    assert (report.read, report.imported, report.items, report.users, report.relations) == (4, 3, 32, 2, 2)
    assert dict(report.skipped) == {"duplicate": 1, "relations: bad number": 1}
    lamp = Item.objects.get(object_id="a")
    assert (lamp.source, lamp.title, lamp.text) == ("dataset.tiny shop", "Lamp", "Lamp")
    assert lamp.categories == {"categories": ["Home", "Light"], "brand_id": ["7"]}
    assert lamp.numbers == {"price": 9.5}
    assert Item.objects.get(object_id="b").numbers == {}


def test_events_are_as_they_stand_in_the_file(folder: Path) -> None:
    import_folder(folder)
    moment = datetime.datetime.fromtimestamp(1_300_000_000, datetime.UTC)
    rows = Feedback.objects.values_list("visitor__external_id", "item__object_id", "kind", "value", "time", "basket")
    assert set(rows) == {
        ("u1", "a", "purchase", 2.0, moment, "o1"),
        ("u1", "b", "purchase", 1.0, moment, "o1"),
        ("u2", "b", "view", None, moment, ""),
    }
    shop = Scenario.objects.get(name="shop")
    assert (shop.goal, shop.sources) == ({"purchase": 1, "view": 1}, ["dataset.tiny shop"])
    assert not Feedback.objects.exclude(scenario=shop).exists()


def test_users_have_features_and_ties(folder: Path) -> None:
    Visitor.objects.create(external_id="u1", features={"age": "40", "plan": "gold"})
    import_folder(folder)
    features = dict(Visitor.objects.values_list("external_id", "features"))
    assert features == {
        "u1": {"age": "40", "plan": "gold", "country": "France"},
        "u2": {},
        "u3": {"age": "33"},
        "u4": {},
    }
    ties = Relation.objects.values_list("visitor__external_id", "other__external_id", "kind", "weight")
    assert set(ties) == {("u1", "u2", "friend", 2.0), ("u1", "u4", "friend", 1.0)}


def test_a_second_import_writes_nothing(folder: Path) -> None:
    import_folder(folder)
    updated = Item.objects.latest("updated_at").updated_at
    report = import_folder(folder)
    assert (report.imported, report.items, report.users) == (0, 0, 0)
    assert report.skipped["duplicate"] == 4
    assert Item.objects.latest("updated_at").updated_at == updated


def test_a_changed_title_is_text_to_encode(folder: Path) -> None:
    import_folder(folder)
    before = Item.objects.get(object_id="a").text_hash
    write_folder(folder, items="item_id,title\na,Desk lamp\nb,Chair\n")
    assert import_folder(folder).items == 2
    assert Item.objects.get(object_id="a").text_hash != before


def test_with_a_source_the_sites_objects_are_the_items(folder: Path) -> None:
    product = make_product(sku="b", title="Armchair")
    sync(["testsite.product"])
    report = import_folder(folder, "testsite.Product")
    assert (report.imported, report.items) == (2, 0)
    assert dict(report.skipped) == {"unknown item": 1, "duplicate": 1, "relations: bad number": 1}
    assert {feedback.item.object_id for feedback in Feedback.objects.all()} == {str(product.pk)}
    assert Item.objects.get().title == "Armchair"


def test_without_a_list_of_items_the_events_name_them(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "bare", interactions="user_id,item_id\nu1,a\nu1,b\nu2,a\n")
    report = import_folder(folder)
    assert (report.items, report.imported) == (2, 3)
    assert Feedback.objects.filter(time__year=1970, kind="view", scenario=None).count() == 3


def test_items_that_are_not_on_the_list_are_unknown(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "list", interactions="user_id,item_id\nu1,a\nu1,z\n", items="item_id\na\n")
    report = import_folder(folder)
    assert (report.imported, dict(report.skipped)) == (1, {"unknown item": 1})


def test_catalogues_of_several_scenarios_stay_apart(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "mall",
        interactions="user_id,item_id,scenario\nu1,1,food\nu1,1,books\nu1,2,books\nu1,3,food\nu1,2,food\n",
        items="item_id,scenario,title\n1,food,Tea\n1,books,Emma\n2,books,Ulysses\n3,,Voucher\n",
    )
    assert import_folder(folder).imported == 5
    titles = dict(Item.objects.values_list("title", "source"))
    assert titles == {
        "Tea": "dataset.mall.food",
        "Emma": "dataset.mall.books",
        "Ulysses": "dataset.mall.books",
        "Voucher": "dataset.mall",
    }
    assert set(Feedback.objects.values_list("item__title", "scenario__name")) == {
        ("Tea", "food"),
        ("Emma", "books"),
        ("Ulysses", "books"),
        ("Voucher", "food"),
        ("Ulysses", "food"),
    }
    assert Scenario.objects.get(name="books").sources == ["dataset.mall.books"]
    assert import_folder(folder).items == 0


def test_every_bad_row_is_counted(tmp_path: Path) -> None:
    rows = [
        "u1,a,1,1300000000",
        "u1,a",
        ",a,1,1300000000",
        "u1,a,much,1300000000",
        "u1,a,1,yesterday",
        "u1,a,1,99999999999",
    ]
    text = "user_id,item_id,value,timestamp\n" + "\n".join(rows) + "\n"
    folder = write_folder(tmp_path / "bad", interactions=text, items="item_id,title\na,Lamp\n,Nobody\n")
    report = import_folder(folder)
    assert (
        report.read
        == len(rows)
        == report.imported + sum(count for cause, count in report.skipped.items() if ":" not in cause)
    )
    assert dict(report.skipped) == {
        "items: missing id": 1,
        "short row": 1,
        "missing id": 1,
        "bad number": 1,
        "bad time": 2,
    }
    assert report.examples["short row"] == ["line 3"]


def test_odd_texts_spoil_nothing(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "odd",
        interactions="user_id,item_id\nu\x001,a\x00\n",
        items="item_id,title,brand\na\x00,La\x00mp,Lu\x00x\n",
        users="user_id,name\nu\x001,An\x00n\n",
        relations="user_id,other_id\nu\x001,日本\n",
    )
    report = import_folder(folder)
    assert (report.imported, report.items, report.users, report.relations) == (1, 1, 1, 1)
    assert Item.objects.get().title == "Lamp"
    assert Visitor.objects.get(external_id="u1").features == {"name": "Ann"}


def test_progress_knows_its_end(folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    import_folder(folder, progress=lambda *step: seen.append(step))
    assert ("Importing events", 4, 4) in seen
    assert ("Importing items", 32, 32) in seen


def test_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No interactions"):
        import_folder(tmp_path)
    with pytest.raises(ValueError, match="'item_id'"):
        import_folder(write_folder(tmp_path / "wrong", interactions="user_id,thing\nu,a\n"))
    with pytest.raises(NotRegistered):
        import_folder(write_folder(tmp_path / "right", interactions="user_id,item_id\n"), "shop.nothing")
