"""The form of a scenario, and its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from mtrec_django.admin.forms import ScenarioForm
from mtrec_django.admin.weights import weights
from mtrec_django.inference.blend import Blend
from mtrec_django.models import Item, ModelVersion, Pin, Scenario
from mtrec_django.serving import live
from tests.serving.world import World

from .conftest import make_version

NO_PINS = {"pins-TOTAL_FORMS": "0", "pins-INITIAL_FORMS": "0"}


def form(scenario: Scenario | None = None, **data: Any) -> ScenarioForm:
    return ScenarioForm({"name": "home", "enabled": "on", **data}, instance=scenario)


@pytest.mark.usefixtures("empty")
def test_goal_and_words_are_read_as_people_write_them() -> None:
    filled = form(goal="view = 1\n\n purchase=5.5 \ndislike = -2", exclude="purchase, cart,, cart")
    assert filled.is_valid(), filled.errors
    saved = filled.save()
    assert saved.goal == {"view": 1, "purchase": 5.5, "dislike": -2}
    assert saved.exclude == ["purchase", "cart"]
    assert saved.options == {}


@pytest.mark.usefixtures("empty")
def test_what_is_shown_is_what_was_saved(home: Scenario) -> None:
    shown = ScenarioForm(instance=home)
    assert shown["goal"].value() == "view = 1\npurchase = 5"
    again = form(home, goal="view = 1\r\npurchase=5.0\r\n", title=home.title, options="{}")
    assert again.changed_data == []
    assert form(home, goal="view = 2", title=home.title, options="{}").changed_data == ["goal"]


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("goal", "view = 1\npurchase", "Line 2"),
        ("goal", "view = much", "“much” is not a number"),
        ("goal", "view = nan", "out of range"),
        ("goal", "view = 1e9", "out of range"),
        ("goal", f"{'x' * 33} = 1", "Line 1"),
        ("options", "[]", "an object"),
        ("options", "{", "valid JSON"),
        ("options", '{"candidates": ["magic"]}', "magic"),
        ("options", '{"candidates": "personal"}', "list of names"),
        ("options", '{"at_most": {"brand": 0}}', "at_most"),
        ("options", '{"at_most": {"brand": true}}', "at_most"),
        ("sources", ["no.such"], "no.such"),
        ("name", "two words", "slug"),
    ],
)
def test_errors_say_what_is_wrong(field: str, text: Any, words: str) -> None:
    filled = form(**{field: text})
    assert not filled.is_valid()
    assert list(filled.errors) == [field]
    assert words in str(filled.errors[field])


@pytest.mark.usefixtures("empty")
def test_rules_have_fields_and_the_rest_stays_json(home: Scenario) -> None:
    home.options = {
        "in_session": True,
        "candidates": ["personal", "bought"],
        "weights": {"bought": 0.5},
        "boost": {"cheap": 1.5},
        "hide": ["dear"],
        "at_most": {"brand": 2},
        "diversity": 0.3,
        "minimum": 0.1,
        "rotation": {"factor": 0.7, "hours": 48},
    }
    home.save()
    shown = ScenarioForm(instance=home)
    assert shown["options"].value().strip() == '{\n  "in_session": true\n}'
    assert shown["boost"].value() == "cheap = 1.5"
    data = {name: shown[name].value() for name in shown.fields if shown[name].value() is not None}
    again = ScenarioForm(data, instance=home)
    assert again.is_valid(), again.errors
    assert again.changed_data == []
    assert again.save().options == home.options
    data |= {"boost": "cheap = 2", "diversity": "", "rotation_factor": "", "hide": []}
    saved = ScenarioForm(data, instance=home).save()
    assert saved.options["boost"] == {"cheap": 2}
    assert not {"diversity", "rotation", "hide"} & saved.options.keys()


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("boost", "chep = 2", "Did you mean"),
        ("boost", "cheap = -1", "factors from 0"),
        ("boost", "cheap", "Line 1"),
        ("hide", ["none"], "none"),
        ("candidates", ["magic"], "magic"),
        ("weights", "popular = 1", "are scored"),
        ("at_most", "brand = 1.5", "share a label"),
        ("diversity", "2", "from 0 to 1"),
        ("minimum", "-7", "cosine"),
        ("rotation_factor", "2", "factor from 0 to 1"),
    ],
)
def test_errors_of_rules_stand_at_their_field(field: str, text: Any, words: str) -> None:
    filled = form(**{field: text})
    assert not filled.is_valid()
    assert list(filled.errors) == [field]
    assert words in str(filled.errors[field])


def test_pins_are_set_in_their_scenario(boss: Client, home: Scenario) -> None:
    item = Item.objects.create(source="testsite.product", object_id="1", title="Tea")
    url = reverse("admin:mtrec_scenario_change", args=[home.pk])
    data = {"name": "home", "enabled": "on", "goal": "purchase = 1", "options": "{}", **NO_PINS}
    data |= {"pins-TOTAL_FORMS": "1", "pins-0-item": str(item.pk), "pins-0-position": "3"}
    wrong = {"pins-0-starts_at_0": "2030-01-02", "pins-0-starts_at_1": "00:00:00"} | {
        "pins-0-ends_at_0": "2030-01-01",
        "pins-0-ends_at_1": "00:00:00",
    }
    assert "A pin ends after it begins." in boss.post(url, data | wrong).content.decode()
    assert boss.post(url, data).status_code == 302
    assert (Pin.objects.get().item, Pin.objects.get().position) == (item, 3)


def test_weights_of_the_ranking_can_be_read(boss: Client) -> None:
    live.reset()
    world = World(blend=Blend({"personal": 1.0, "popular": 0.35})).build()
    world.scenario.options = {"candidates": ["personal", "popular", "bought"]}
    world.scenario.save()
    page = boss.get(reverse("admin:mtrec_scenario_change", args=[world.scenario.pk])).content.decode()
    assert "Learned by the live version" in page
    assert "<td>popular</td><td>0.350</td>" in page
    assert "<td>bought</td><td>0.200</td>" in page
    world.scenario.live_version = None
    world.scenario.save()
    live.expire()
    assert weights(world.scenario) is None
    assert weights(Scenario(name="nowhere")) is None


@pytest.mark.usefixtures("empty")
def test_sources_are_those_registered_and_those_it_has(home: Scenario) -> None:
    home.sources = ["gone.model"]
    labels = [value for value, _ in ScenarioForm(instance=home).fields["sources"].choices]  # type: ignore[attr-defined]
    assert "testsite.product" in labels and "gone.model" in labels


def test_saving_in_the_admin_is_logged(boss: Client, home: Scenario) -> None:
    url = reverse("admin:mtrec_scenario_change", args=[home.pk])
    response = boss.post(url, {"name": "home", "enabled": "on", "goal": "purchase = 1", "options": "{}", **NO_PINS})
    assert response.status_code == 302
    home.refresh_from_db()
    assert home.goal == {"purchase": 1}
    said = LogEntry.objects.get().get_change_message()
    assert "Goal: view = 1, purchase = 5 → purchase = 1" in said
    assert "title: Picked for you → –" in said.replace("Title", "title")


def test_a_scenario_cannot_be_its_own_parent(home: Scenario) -> None:
    filled = form(home, parent=str(home.pk))
    assert not filled.is_valid()
    assert "parent" in filled.errors


def test_roll_back_brings_the_version_before(boss: Client, home: Scenario, base: ModelVersion) -> None:
    newer = make_version()
    base.publish([home])
    newer.publish([home])
    boss.post(reverse("admin:mtrec_roll_back", args=[home.pk]))
    home.refresh_from_db()
    assert home.live_version == base
    assert home.publications.first().by.username == "boss"  # type: ignore[union-attr]


def test_roll_back_with_nothing_before_says_so(boss: Client, home: Scenario, base: ModelVersion) -> None:
    base.publish([home])
    page = boss.post(reverse("admin:mtrec_roll_back", args=[home.pk]), follow=True).content.decode()
    assert "Nothing was live in home before" in page
    assert not LogEntry.objects.exists()


def test_buttons_send_the_token_and_the_way_back(boss: Client, home: Scenario) -> None:
    url = reverse("admin:mtrec_scenario_change", args=[home.pk])
    page = boss.get(url).content.decode()
    form_of_button = page[page.index(reverse("admin:mtrec_transfer", args=[home.pk])) :][:400]
    assert "csrfmiddlewaretoken" in form_of_button
    assert f'name="next" value="{url}"' in form_of_button


def test_the_button_is_there_where_something_was_live_before(boss: Client, home: Scenario, base: ModelVersion) -> None:
    page, button = (
        reverse("admin:mtrec_scenario_change", args=[home.pk]),
        reverse("admin:mtrec_roll_back", args=[home.pk]),
    )
    base.publish([home])
    assert button not in boss.get(page).content.decode()
    make_version().publish([home])
    assert button in boss.get(page).content.decode()


def test_what_differs_from_the_code_is_told(boss: Client, home: Scenario) -> None:
    declared = {"title": "For you", "goal": home.goal, "parent": None, "sources": []}
    Scenario.objects.update(declared=declared)
    page = boss.get(reverse("admin:mtrec_scenario_change", args=[home.pk])).content.decode()
    assert "title; the code says &quot;For you&quot;" in page
    assert "goal; the code says" not in page
    Scenario.objects.update(declared=declared | {"title": home.title})
    page = boss.get(reverse("admin:mtrec_scenario_change", args=[home.pk])).content.decode()
    assert "against the declaration" not in page
