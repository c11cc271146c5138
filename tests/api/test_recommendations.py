"""Lists through the API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from mtrec_django.catalog.registry import source_for
from mtrec_django.models import Feedback, Recommendation, Scenario, Visitor
from mtrec_django.serving.cursors import pack, unpack
from mtrec_django.testing import fake_recommender, make_event, make_visitor
from tests.site.models import Product

from .conftest import API

HOME = f"{API}/scenarios/home/recommendations/"
RANK = f"{API}/scenarios/home/rank/"


def similar(lookup: str) -> str:
    return f"{API}/items/testsite.product/{lookup}/similar/"


def test_scenarios_that_are_on(goods: list[Product], client: Client) -> None:
    Scenario.objects.create(name="off", enabled=False)
    assert client.get(f"{API}/scenarios/").json() == [
        {"name": "home", "title": "Picked for you", "sources": ["testsite.product"]}
    ]


def test_an_answer_says_all_there_is_to_show(goods: list[Product], client: Client) -> None:
    with fake_recommender(*goods):
        answer = client.get(HOME, {"n": 2}).json()
    assert answer["scenario"] == "home"
    assert answer["short"] is False
    assert uuid.UUID(answer["id"])
    first = answer["items"][0]
    click = first.pop("click_url")
    assert click.startswith("http://testserver/mtrec/go/")
    assert first == {
        "source": "testsite.product",
        "id": str(goods[0].pk),
        "lookup": "sku-0",
        "title": "Tea 0",
        "url": "http://testserver/products/sku-0/",
        "image": "",
        "categories": [],
        "position": 0,
        "score": 1.0,
        "candidate_source": "personal",
        "reason": "Picked for you",
        "because": "",
    }
    assert [item["lookup"] for item in answer["items"]] == ["sku-0", "sku-1"]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("/tea/?a=b c", "http://testserver/tea/?a=b%20c"),
        ("/tea/../mugs/", "http://testserver/mugs/"),
        ("//cdn.example/tea", "http://cdn.example/tea"),
        ("https://shop.example/tea", "https://shop.example/tea"),
        ("tea", f"http://testserver{HOME}tea"),
        ("", ""),
    ],
)
def test_addresses_are_whole(
    goods: list[Product], client: Client, monkeypatch: pytest.MonkeyPatch, told: str, shown: str
) -> None:
    monkeypatch.setattr(source_for(Product), "url", lambda _obj: told)
    with fake_recommender(*goods):
        assert client.get(HOME, {"n": 1}).json()["items"][0]["url"] == shown


def test_the_real_recommender_answers_and_what_was_shown_is_stored(goods: list[Product], client: Client) -> None:
    response = client.get(HOME, {"n": 3})
    answer = response.json()
    assert len(answer["items"]) == 3
    shown = Recommendation.objects.get()
    assert str(shown.pk) == answer["id"]
    assert len(shown.items) == 3
    assert shown.scenario == Scenario.objects.get(name="home")
    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]


def test_pages_do_not_repeat_whatever_happens_between_them(goods: list[Product], client: Client) -> None:
    first = client.get(HOME, {"n": 2}).json()
    make_event(goods[0], kind="purchase")  # the order may change now
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    names = [item["lookup"] for page in (first, second, third) for item in page["items"]]
    assert sorted(names) == ["sku-0", "sku-1", "sku-2", "sku-3", "sku-4"]
    assert third["short"] is True
    assert third["next"] is None


def test_the_item_on_the_page_is_not_shown(goods: list[Product], client: Client) -> None:
    answer = client.get(HOME, {"n": 10, "item": "sku-0", "source": "testsite.product"}).json()
    assert "sku-0" not in [item["lookup"] for item in answer["items"]]
    assert len(answer["items"]) == 4


@pytest.mark.parametrize(
    "query",
    [
        {"n": "0"},
        {"n": "101"},
        {"n": "many"},
        {"n": "9" * 5000},
        {"cursor": "nonsense"},
        {"cursor": ""},
        {"n": ""},
        {"cursor": "A" * 3601},
        {"item": "gone", "source": "testsite.product"},
        {"item": "sku-0", "source": "no.such"},
        {"item": "\x00", "source": "testsite.product"},
        {"item": "x" * 256, "source": "testsite.product"},
    ],
)
def test_nonsense_is_a_problem(query: dict[str, str], goods: list[Product], client: Client) -> None:
    response = client.get(HOME, query)
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["errors"]
    assert not Recommendation.objects.exists()


@pytest.mark.parametrize("name", ["nowhere", "%00", "%C3%A4%1F", "a%20b", "x" * 500])
def test_an_unknown_scenario_is_not_found(name: str, goods: list[Product], client: Client) -> None:
    response = client.get(f"{API}/scenarios/{name}/recommendations/")
    assert response.status_code == 404
    assert response.json()["detail"] == "There is no such scenario."


def test_similar_items(goods: list[Product], client: Client) -> None:
    with fake_recommender(*goods) as fake:
        answer = client.get(similar("sku-1"), {"n": 2}).json()
    assert [item["lookup"] for item in answer["items"]] == ["sku-0", "sku-2"]
    assert (fake.asked[0].similar, fake.asked[0].n) == (True, 2)
    assert not Recommendation.objects.exists()


def test_similar_items_of_the_real_recommender(goods: list[Product], client: Client) -> None:
    answer = client.get(similar("sku-1"), {"n": 3, "scenario": "home"}).json()
    assert len(answer["items"]) == 3
    assert "sku-1" not in [item["lookup"] for item in answer["items"]]


@pytest.mark.parametrize("lookup", ["gone", "%00", "%F0%9F%8D%B5", "x" * 300])
def test_similar_to_nothing_is_not_found(lookup: str, goods: list[Product], client: Client) -> None:
    assert client.get(similar(lookup)).status_code == 404


def test_a_key_that_cannot_be_one_is_not_found(goods: list[Product], client: Client) -> None:
    for lookup in ("42", "not-a-uuid", "9" * 40):
        assert client.get(f"{API}/items/testsite.article/{lookup}/similar/").status_code == 404
    assert client.get(f"{API}/items/no.such/1/similar/").status_code == 404


def test_similar_in_an_unknown_scenario_is_not_found(goods: list[Product], client: Client) -> None:
    assert client.get(similar("sku-1"), {"scenario": "nowhere"}).status_code == 404


def test_the_list_is_made_for_whoever_asks(goods: list[Product], client: Client) -> None:
    Scenario.objects.update(exclude=["purchase"])
    ada, bob = (get_user_model().objects.create_user(name) for name in ("ada", "bob"))
    make_event(goods[0], kind="purchase", visitor=make_visitor(ada))
    seen_by = {}
    for user in (ada, bob):
        client.force_login(user)
        answer = client.get(HOME, {"n": 10, "user": str(ada.pk)}).json()
        seen_by[user.username] = {item["lookup"] for item in answer["items"]}
    assert "sku-0" not in seen_by["ada"]
    assert "sku-0" in seen_by["bob"]


def test_a_guest_who_only_looks_leaves_no_visitor(goods: list[Product], client: Client) -> None:
    client.get(HOME)
    assert not Visitor.objects.exists()
    assert not Feedback.objects.exists()


def test_only_json_is_spoken(goods: list[Product], client: Client) -> None:
    assert client.get(HOME, headers={"Accept": "text/html"}).status_code == 406
    assert client.post(HOME, {}, content_type="application/json").status_code == 405


def test_queries_of_an_answer(goods: list[Product], client: Client, django_assert_max_num_queries: Any) -> None:
    client.get(HOME)
    with django_assert_max_num_queries(6):  # the recommender's own four, titles, and what was shown
        client.get(HOME)


def test_a_callers_list_is_ranked_and_nothing_is_added(goods: list[Product], client: Client) -> None:
    Product.objects.filter(sku="sku-3").update(stock=0)
    body = {"items": ["sku-2", "gone", "sku-1", "sku-3", "sku-2"], "source": "testsite.product"}
    answer = client.post(RANK, body, content_type="application/json").json()
    assert sorted(item["lookup"] for item in answer["items"]) == ["sku-1", "sku-2"]
    assert answer["left_out"] == ["gone", "sku-3"]
    assert str(Recommendation.objects.get().pk) == answer["id"]


def test_a_list_is_ranked_for_whoever_asks(goods: list[Product], client: Client, server: dict[str, str]) -> None:
    Scenario.objects.update(exclude=["purchase"])
    make_event(goods[1], kind="purchase", visitor=make_visitor(external_id="till-7"))
    body = {"items": ["sku-1", "sku-2"], "source": "testsite.product"}
    for name, left_out in {"external:till-7": ["sku-1"], "external:till-8": []}.items():
        answer = client.post(RANK, {**body, "visitor": name}, content_type="application/json", headers=server)
        assert answer.json()["left_out"] == left_out
    assert client.post(RANK, {**body, "visitor": name}, content_type="application/json").status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"items": []}, "items"),
        ({"items": "sku-1"}, "items"),
        ({"items": ["x"] * 201}, "items"),
        ({"items": [{"pk": 1}]}, "items"),
        ({}, "items"),
        ([], "non_field_errors"),
        ({"items": ["sku-1"], "source": "testsite.article"}, "source"),
        ({"items": ["sku-1"], "source": "no.such"}, "source"),
        ({"items": ["sku-1"]}, "source"),
    ],
)
def test_nothing_to_rank_is_a_problem(body: Any, field: str, goods: list[Product], client: Client) -> None:
    response = client.post(RANK, body, content_type="application/json")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]


def test_a_list_is_ranked_in_a_scenario_that_is(goods: list[Product], client: Client) -> None:
    body = {"items": ["sku-1"], "source": "testsite.product"}
    assert client.post(f"{API}/scenarios/nowhere/rank/", body, content_type="application/json").status_code == 404


def test_scenarios_are_asked_after_by_their_etag(goods: list[Product], client: Client) -> None:
    first = client.get(f"{API}/scenarios/")
    assert first["Cache-Control"] == "private, no-cache"
    assert client.get(f"{API}/scenarios/", headers={"If-None-Match": first["ETag"]}).status_code == 304
    Scenario.objects.update(title="Changed")
    assert client.get(f"{API}/scenarios/", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_what_is_made_for_one_visitor_has_no_etag(goods: list[Product], client: Client) -> None:
    response = client.get(HOME)
    assert "ETag" not in response
    assert {"Cookie", "Authorization", "Accept-Language"} <= set(response["Vary"].split(", "))


def test_cursors_say_what_they_were_told() -> None:
    assert unpack(pack([1, 2**62, 3])) == [1, 2**62, 3]
    assert unpack(pack([])) == []
    for nonsense in ("x", "=", "é", "AAAA", pack([1])[:-3]):
        assert unpack(nonsense) is None


def test_a_cursor_that_grows_when_unpacked_is_cut() -> None:
    assert len(unpack(pack([7] * 100_000)) or []) <= 500
