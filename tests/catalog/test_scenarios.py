"""What code declares and what the admin changed live in one row."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from mtrec_django import Scenario, models
from mtrec_django.catalog.scenarios import declared, sync_declared, undeclare
from mtrec_django.exceptions import AlreadyRegistered, NotRegistered
from tests.site.models import Article, Brand, Product
from tests.site.recommendations import Articles, Products


@pytest.fixture(autouse=True)
def only_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of scenarios for one test."""
    monkeypatch.setattr("mtrec_django.catalog.scenarios._declared", {})


@pytest.fixture
def no_rows(db: None) -> Iterator[None]:
    models.Scenario.objects.all().delete()
    yield


def row(name: str) -> models.Scenario:
    return models.Scenario.objects.get(name=name)


def redeclare(name: str, **fields: Any) -> None:
    undeclare(name)
    Scenario(name, **fields)


def test_a_declaration_becomes_a_row(no_rows: None) -> None:
    Scenario("basket", items=[Products], goal={"purchase": 1}, exclude=("purchase",), parent="home", fresh=0.5)
    Scenario("home", items=[Product, "testsite.Article", Articles], goal={"view": 1}, title="For you")
    assert set(sync_declared()) == {"basket", "home"}
    home, basket = row("home"), row("basket")
    assert home.sources == ["testsite.product", "testsite.article"]
    assert (home.title, home.goal, home.parent) == ("For you", {"view": 1}, None)
    assert (basket.exclude, basket.parent, basket.options) == (["purchase"], home, {"fresh": 0.5})


def test_a_second_time_changes_nothing(no_rows: None) -> None:
    Scenario("home", exclude=("purchase",), sizes=(1, 2))
    sync_declared()
    before = row("home").updated_at
    assert sync_declared() == []
    assert row("home").updated_at == before


def test_the_admin_wins_while_the_declaration_stays(no_rows: None) -> None:
    Scenario("home", goal={"view": 1}, title="For you")
    sync_declared()
    models.Scenario.objects.filter(name="home").update(title="Picked by hand", enabled=False)
    sync_declared()
    assert (row("home").title, row("home").enabled) == ("Picked by hand", False)


def test_a_changed_declaration_wins_for_the_field_it_changed(no_rows: None) -> None:
    Scenario("home", goal={"view": 1}, title="For you")
    sync_declared()
    models.Scenario.objects.filter(name="home").update(title="Picked by hand", goal={"view": 2})
    redeclare("home", goal={"view": 1, "purchase": 5}, title="For you")
    assert sync_declared() == ["home"]
    assert (row("home").title, row("home").goal) == ("Picked by hand", {"view": 1, "purchase": 5})


def test_a_row_made_by_hand_keeps_what_was_filled_in(no_rows: None) -> None:
    models.Scenario.objects.create(name="home", title="Made in the admin")
    Scenario("home", goal={"view": 1}, title="Declared")
    sync_declared()
    assert (row("home").title, row("home").goal) == ("Made in the admin", {"view": 1})
    redeclare("home", goal={"view": 1}, title="Declared anew")
    sync_declared()
    assert row("home").title == "Declared anew"


def test_the_parent_follows_the_declaration_like_any_field(no_rows: None) -> None:
    Scenario("home")
    Scenario("basket", parent="home")
    sync_declared()
    models.Scenario.objects.filter(name="basket").update(parent=None)
    sync_declared()
    assert row("basket").parent is None
    redeclare("basket")
    sync_declared()
    redeclare("basket", parent="home")
    sync_declared()
    assert row("basket").parent == row("home")


def test_a_parent_that_only_the_admin_knows_is_found(no_rows: None) -> None:
    models.Scenario.objects.create(name="attic")
    Scenario("home", parent="attic")
    sync_declared()
    assert row("home").parent == row("attic")


def test_a_forgotten_declaration_leaves_its_row_to_the_admin(no_rows: None) -> None:
    Scenario("home", title="For you")
    sync_declared()
    undeclare("home")
    sync_declared()
    assert (row("home").title, row("home").declared) == ("For you", None)


def test_a_name_is_declared_once() -> None:
    Scenario("home")
    with pytest.raises(AlreadyRegistered, match="'home' is declared twice"):
        Scenario("home")
    assert list(declared()) == ["home"]
    undeclare("home")
    with pytest.raises(NotRegistered):
        undeclare("home")


def test_items_must_be_registered() -> None:
    with pytest.raises(NotRegistered, match="Brand"):
        _ = Scenario("home", items=[Brand]).sources


def ids(scenario: Scenario) -> list[str | None]:
    return [message.id for message in scenario.check()]


def test_sound_declarations_pass_their_check() -> None:
    home = Scenario("home", items=[Article], goal={"view": 1, "dislike": -0.5})
    assert ids(home) == ids(Scenario("basket", parent="home")) == []


def test_what_the_check_finds() -> None:
    assert ids(Scenario("no slug")) == ["mtrec.E020"]
    assert ids(Scenario("a", goal={"view": "much"})) == ["mtrec.E021"]
    assert ids(Scenario("b", goal={"view": True})) == ["mtrec.E021"]
    assert ids(Scenario("c", parent="c")) == ["mtrec.E022"]
    Scenario("d", parent="e")
    assert ids(Scenario("e", parent="d")) == ["mtrec.E023"]
    assert ids(Scenario("f", items=[Brand])) == ["mtrec.E024"]
    assert ids(Scenario("g", items=["testsite.prodcut"])) == ["mtrec.E024"]


def test_a_misspelt_parent_gets_a_hint() -> None:
    Scenario("home")
    (message,) = Scenario("basket", parent="hoem").check()
    assert message.id == "mtrec.E022"
    assert "Did you mean 'home'?" in str(message.hint)
    assert "#mtrec-e022" in str(message.hint)


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_make_one_row() -> None:
    models.Scenario.objects.all().delete()
    Scenario("home", title="For you")

    def work(_: int) -> list[str]:
        try:
            return sync_declared()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, range(4)))
    assert sorted(done) == [[], [], [], ["home"]]
    assert models.Scenario.objects.count() == 1
