"""Events through the API: one, many, twice, wrong, and nobody else's."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone

from mtrec_django.api import limits, storing
from mtrec_django.models import Feedback, Recommendation, Visitor
from tests.site.models import Article, Product

from .conftest import API

Send = Callable[..., HttpResponse]


def event(**fields: Any) -> dict[str, Any]:
    return {"kind": "view", "source": "testsite.product", "item": "sku-1", **fields}


def test_one_event_is_stored_as_it_was_sent(goods: list[Product], send: Send) -> None:
    moment = timezone.now() - timedelta(hours=1)
    response = send(event(kind="purchase", value=2.5, scenario="home", basket="b1", time=moment.isoformat(), key="k"))
    assert response.status_code == 201
    assert response.json() == {
        "stored": 1,
        "repeated": 0,
        "ignored": 0,
        "rejected": 0,
        "results": [{"index": 0, "status": "stored"}],
    }
    stored = Feedback.objects.get()
    assert (stored.kind, stored.value, stored.basket, stored.time) == ("purchase", 2.5, "b1", moment)
    assert stored.scenario is not None and stored.scenario.name == "home"
    assert stored.item.object_id == str(goods[1].pk)


def test_an_object_becomes_an_item_with_its_first_event(goods: list[Product], send: Send) -> None:
    Product.objects.create(sku="new", title="New")
    assert send(event(item="new")).status_code == 201
    assert Feedback.objects.get().item.title == "New"


def test_a_batch_is_stored_as_far_as_it_can_be(goods: list[Product], send: Send) -> None:
    article = Article.objects.create(headline="On tea")
    response = send(
        [
            event(),
            event(item="gone"),
            event(kind="two words"),
            event(source="no.such"),
            {"kind": "view", "source": "testsite.article", "item": str(article.pk)},
            "nonsense",
            event(scenario="nowhere"),
            event(time=(timezone.now() + timedelta(days=1)).isoformat()),
            event(item="sku-2"),
        ]
    )
    assert response.status_code == 200
    answer = response.json()
    assert (answer["stored"], answer["rejected"]) == (3, 6)
    assert [row["index"] for row in answer["results"]] == list(range(9))
    assert [row["status"] == "stored" for row in answer["results"]] == [True] + 3 * [False] + [True] + 3 * [False] + [
        True
    ]
    assert answer["results"][1]["errors"] == {"item": ["There is no such item."]}
    assert list(answer["results"][2]["errors"]) == ["kind"]
    assert "nowhere" in answer["results"][6]["detail"]
    assert "future" in answer["results"][7]["detail"]
    assert Feedback.objects.count() == 3


@pytest.mark.parametrize("row", [None, "nonsense", 3, []])
def test_what_is_wrong_is_always_said_by_field(row: Any, goods: list[Product], send: Send) -> None:
    assert list(send([row]).json()["results"][0]["errors"]) == ["non_field_errors"]


@pytest.mark.parametrize("beside", [{"token": 3}, {"events": {}}, {"kind": "view"}, {"token": None}])
def test_beside_many_events_stands_a_token_alone(beside: Any, goods: list[Product], send: Send) -> None:
    response = send({"events": [event()], **beside})
    assert list(response.json()["errors"]) == ["events"]
    assert not Feedback.objects.exists()


def test_one_event_that_is_wrong_is_a_problem(goods: list[Product], send: Send) -> None:
    response = send(event(item="gone"))
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "item: There is no such item.",
        "code": "invalid",
        "errors": {"item": ["There is no such item."]},
    }


def test_the_same_key_counts_once(goods: list[Product], send: Send) -> None:
    again = [event(key="order-1"), event(key="order-1"), event(key="order-2")]
    first, second = send(again).json(), send(again).json()
    assert [row["status"] for row in first["results"]] == ["stored", "repeated", "stored"]
    assert (second["stored"], second["repeated"]) == (0, 3)
    assert send(event(key="order-1")).status_code == 200
    assert Feedback.objects.count() == 2


def test_the_header_stands_for_the_key(goods: list[Product], send: Send) -> None:
    statuses = [send(event(), **{"Idempotency-Key": "abc"}).status_code for _ in range(2)]
    assert statuses == [201, 200]
    assert Feedback.objects.count() == 1


def test_without_a_key_every_event_counts(goods: list[Product], send: Send) -> None:
    send([event(), event()])
    assert Feedback.objects.count() == 2


def test_keys_of_two_visitors_do_not_meet(goods: list[Product], send: Send) -> None:
    send(event(key="order-1"))
    send(event(key="order-1"), client=Client())
    assert Feedback.objects.count() == 2
    assert Visitor.objects.count() == 2


def test_a_guest_stays_the_same_guest(goods: list[Product], send: Send) -> None:
    send(event())
    send(event(item="sku-2"))
    assert Visitor.objects.get().feedback.count() == 2


def test_events_are_of_whoever_is_signed_in(goods: list[Product], send: Send, client: Client) -> None:
    ada, bob = (get_user_model().objects.create_user(name) for name in ("ada", "bob"))
    client.force_login(ada)
    assert send(event(user=bob.pk)).status_code == 201
    assert Feedback.objects.get().visitor.user == ada


def test_nobody_claims_what_was_recommended_to_another(goods: list[Product], send: Send) -> None:
    other = Visitor.objects.create()
    answer = Recommendation.objects.create(visitor=other, items=[], sources=[], scores=[])
    response = send(event(recommendation=str(answer.pk)))
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["recommendation"]
    assert not Feedback.objects.exists()


def test_ones_own_recommendation_is_kept(goods: list[Product], send: Send) -> None:
    send(event())
    answer = Recommendation.objects.create(visitor=Visitor.objects.get(), items=[], sources=[], scores=[])
    send(event(recommendation=str(answer.pk)))
    assert Feedback.objects.filter(recommendation=answer.pk).count() == 1


def test_without_consent_nothing_is_stored(goods: list[Product], send: Send) -> None:
    with override_settings(MTREC={"ENCODER": "hashing", "CONSENT": "tests.api.test_feedback.refuse"}):
        response = send([event()])
    assert response.json()["results"] == [{"index": 0, "status": "ignored"}]
    assert not Feedback.objects.exists()
    assert not Visitor.objects.exists()


def refuse(request: object) -> bool:
    return False


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "3",
        "null",
        '"view"',
        "{}",
        '{"kind": "view", "item": "sku-1", "value": NaN}',
        '{"kind": "view", "item": "sku-1", "value": 1e999}',
        '{"kind": "view", "item": "sku-1", "value": 1' + "0" * 400 + "}",
        '{"kind": "view", "item": "sku-1", "value": true}',
        '{"kind": "view", "item": "sku-1\\u0000"}',
        '{"kind": "view", "item": "\\ud800"}',
        '{"kind": "view", "item": "sku-1", "source": "\\ud800"}',
        '{"kind": "view", "item": {"pk": 1}}',
        '{"kind": "view", "item": "sku-1", "time": "0001-01-01T00:00:00+23:59"}',
        '{"kind": "view", "item": "sku-1", "time": 1e300}',
        '{"kind": "view", "item": "sku-1", "recommendation": "x"}',
        '{"kind": "view", "item": "sku-1", "scenario": "\\u0000"}',
        '{"kind": "vi\\new", "item": "sku-1", "source": "testsite.product"}',
        '{"kind": "view", "item": "sku-1", "source": "testsite.product", "basket": "' + "b" * 65 + '"}',
        "[" * 5000 + "]" * 5000,
    ],
)
def test_nonsense_is_a_problem_and_never_an_error(body: str, goods: list[Product], client: Client) -> None:
    response = client.post(f"{API}/feedback/", body, content_type="application/json")
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert not Feedback.objects.exists()


def test_limits(goods: list[Product], send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BATCH", 2)
    monkeypatch.setattr(limits, "MAX_BODY", 1000)
    assert send(3 * [event()]).status_code == 400
    assert send([event(key="x" * 1000)]).status_code == 413
    assert send([]).json()["results"] == []
    assert not Feedback.objects.exists()


def test_json_alone(goods: list[Product], client: Client) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = client.post(f"{API}/feedback/", b'{"kind": "view"}', content_type=content_type)
        assert response.status_code == 415


def test_a_signed_in_post_needs_the_csrf_token(goods: list[Product], send: Send) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.create_user("ada"))
    assert send(event(), client=strict).status_code == 403
    strict.cookies["csrftoken"] = "a" * 32
    assert send(event(), client=strict, **{"X-CSRFToken": "a" * 32}).status_code == 201


def test_a_get_is_refused(goods: list[Product], client: Client) -> None:
    response = client.get(f"{API}/feedback/")
    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"


def test_queries_do_not_grow_with_the_batch(goods: list[Product], send: Send, django_assert_num_queries: Any) -> None:
    send(event())
    for size in (2, 200):
        with django_assert_num_queries(10):  # session, visitor, objects, scenarios, four of savepoints, events
            assert send(size * [event(scenario="home")]).json()["stored"] == size


def test_times_without_a_zone_are_the_sites(goods: list[Product], send: Send) -> None:
    send(event(time="2026-01-02T03:04:05"))
    assert Feedback.objects.get().time == timezone.make_aware(datetime(2026, 1, 2, 3, 4, 5))


def test_an_unknown_recommendation_is_no_reason_to_lose_an_event(goods: list[Product], send: Send) -> None:
    assert send(event(recommendation=str(uuid.uuid4()))).status_code == 201


def test_a_database_that_is_away_is_said_and_nothing_is_acknowledged(
    goods: list[Product], send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(storing, "track_all", fail)
    response = send([event(key="order-1")])
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "unavailable"
    assert "shutting down" not in response.content.decode()
    assert not Feedback.objects.exists()
