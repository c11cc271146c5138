"""Who calls, and for whom: tokens of visitors, keys of servers, sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone
from knox.models import AuthToken

from mtrec_django import visitor_token
from mtrec_django.events.tokens import sign, visitor_of
from mtrec_django.models import Feedback, Scenario, Visitor
from mtrec_django.testing import make_event, make_visitor
from tests.site.making import make_request
from tests.site.models import Product

from .conftest import API, key_of

Send = Callable[..., HttpResponse]

HOME = f"{API}/scenarios/home/recommendations/"
EVENT = {"kind": "view", "source": "testsite.product", "item": "sku-1"}


def shown(answer: Any) -> set[str]:
    return {item["lookup"] for item in answer.json()["items"]}


def test_a_token_speaks_for_its_visitor(goods: list[Product], send: Send) -> None:
    visitor = make_visitor()
    assert send(EVENT, **{"Authorization": f"Visitor {sign(visitor)}"}).status_code == 201
    assert Feedback.objects.get().visitor == visitor


def test_a_token_beside_the_events_does_as_well(goods: list[Product], send: Send) -> None:
    visitor = make_visitor()
    assert send({"token": sign(visitor), "events": [EVENT, EVENT]}).json()["stored"] == 2
    assert set(Feedback.objects.values_list("visitor", flat=True)) == {visitor.pk}


def test_a_token_decides_before_the_session(goods: list[Product], client: Client) -> None:
    Scenario.objects.update(exclude=["purchase"])
    ada, guest = make_visitor(get_user_model().objects.create_user("ada")), make_visitor()
    make_event(goods[0], kind="purchase", visitor=guest)
    client.force_login(ada.user)
    assert "sku-0" in shown(client.get(HOME, {"n": 9}))
    assert "sku-0" not in shown(client.get(HOME, {"n": 9}, headers={"Authorization": f"Visitor {sign(guest)}"}))


@pytest.mark.parametrize("token", ["nonsense", "a:b:c", "two words", ""])
def test_a_token_that_is_none_is_refused(token: str, goods: list[Product], client: Client) -> None:
    response = client.get(HOME, headers={"Authorization": f"Visitor {token}"})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Visitor"
    assert response["Content-Type"] == "application/problem+json"


def test_a_token_of_another_purpose_is_refused(goods: list[Product], client: Client) -> None:
    from django.core.signing import TimestampSigner

    forged = TimestampSigner(salt="something else").sign(str(make_visitor().pk))
    assert client.get(HOME, headers={"Authorization": f"Visitor {forged}"}).status_code == 401


def test_a_token_grows_old_and_dies_with_its_visitor(goods: list[Product], client: Client) -> None:
    visitor = make_visitor()
    token = sign(visitor)
    assert visitor_of(token) == visitor
    with override_settings(MTREC={"VISITOR_TOKEN_MAX_AGE": -1}):
        assert visitor_of(token) is None
    visitor.delete()
    assert visitor_of(token) is None


def test_a_token_signs_nobody_in(goods: list[Product], client: Client) -> None:
    boss = get_user_model().objects.create_superuser("boss")
    headers = {"Authorization": f"Visitor {sign(make_visitor(boss))}"}
    assert client.get(HOME, {"visitor": "external:bob"}, headers=headers).status_code == 403
    assert client.post(f"{API}/tokens/", {}, content_type="application/json", headers=headers).status_code == 403


def test_a_template_or_view_hands_out_a_token(db: None) -> None:
    request = make_request()
    visitor = visitor_of(visitor_token(request))
    assert visitor is not None
    assert visitor_of(visitor_token(request)) == visitor
    with override_settings(MTREC={"CONSENT": "tests.api.test_feedback.refuse"}):
        assert visitor_token(make_request()) == ""


def test_a_session_gets_a_token_of_itself(goods: list[Product], client: Client, send: Send) -> None:
    send(EVENT)
    answer = client.post(f"{API}/tokens/", {}, content_type="application/json")
    assert answer.status_code == 201
    assert visitor_of(answer.json()["token"]) == Visitor.objects.get()
    assert answer.json()["max_age"] == 86400


def test_a_server_acts_for_whomever_it_names(goods: list[Product], send: Send, server: dict[str, str]) -> None:
    ada = get_user_model().objects.create_user("ada")
    guest = make_visitor()
    names = [f"user:{ada.pk}", "external:till-7", f"key:{guest.key}", "external:till-7"]
    answer = send([{**EVENT, "visitor": name} for name in names], **server)
    assert answer.json()["stored"] == 4
    assert Visitor.objects.get(user=ada).feedback.count() == 1
    assert Visitor.objects.get(external_id="till-7").feedback.count() == 2
    assert guest.feedback.count() == 1


def test_a_server_finds_names_that_are_stored_as_hashes(
    goods: list[Product], send: Send, server: dict[str, str]
) -> None:
    for secrets in ([], ["first"], ["second", "first"]):
        with override_settings(MTREC={"ENCODER": "hashing", "VISITOR_KEYS": secrets}):
            send({**EVENT, "visitor": "external:till-7"}, **server)
    assert Visitor.objects.get().feedback.count() == 3


def test_a_server_sees_what_the_visitor_would(goods: list[Product], client: Client, server: dict[str, str]) -> None:
    Scenario.objects.update(exclude=["purchase"])
    make_event(goods[0], kind="purchase", visitor=make_visitor(external_id="till-7"))
    assert "sku-0" not in shown(client.get(HOME, {"n": 9, "visitor": "external:till-7"}, headers=server))
    assert "sku-0" in shown(client.get(HOME, {"n": 9, "visitor": "external:till-8"}, headers=server))
    assert "sku-0" in shown(client.get(HOME, {"n": 9}, headers=server))
    assert not Visitor.objects.filter(external_id="till-8").exists()


def test_a_server_says_whose_event_it_is(goods: list[Product], send: Send, server: dict[str, str]) -> None:
    assert send(EVENT, **server).json()["errors"] == {"visitor": ["A server says whose event it is."]}
    unknown = send([{**EVENT, "visitor": name} for name in ("user:999999", f"key:{make_item_key()}")], **server)
    assert [row["errors"] for row in unknown.json()["results"]] == 2 * [{"visitor": ["There is no such visitor."]}]
    assert not Feedback.objects.exists()


def make_item_key() -> str:
    return "7f7c3a52-3f0e-4e0e-9a55-7d3c0a4d2b11"


@pytest.mark.parametrize("name", ["ada", "user:", "user:x", "key:x", "age:3", "user:" + "9" * 30, "external:\x00", ":"])
def test_a_name_that_is_none_is_a_problem(
    name: str, goods: list[Product], send: Send, server: dict[str, str], client: Client
) -> None:
    assert client.get(HOME, {"visitor": name}, headers=server).status_code == 400
    assert list(send({**EVENT, "visitor": name}, **server).json()["errors"]) == ["visitor"]


def test_a_server_gets_a_token_for_its_app(goods: list[Product], client: Client, server: dict[str, str]) -> None:
    body = {"visitor": "external:phone-1"}
    answer = client.post(f"{API}/tokens/", body, content_type="application/json", headers=server)
    visitor = visitor_of(answer.json()["token"])
    assert visitor is not None
    assert visitor.external_id == "phone-1"
    nobody = client.post(f"{API}/tokens/", {}, content_type="application/json", headers=server)
    assert nobody.status_code == 403


def test_nobody_else_names_a_visitor(goods: list[Product], send: Send) -> None:
    make_visitor(external_id="till-7")
    ada = get_user_model().objects.create_user("ada", is_staff=True)
    signed_in = Client()
    signed_in.force_login(ada)
    callers: list[tuple[Client, dict[str, str]]] = [(Client(), {}), (signed_in, {}), (Client(), key_of(ada))]
    for client, headers in callers:
        named = {**EVENT, "visitor": "external:till-7"}
        assert client.get(HOME, {"visitor": "external:till-7"}, headers=headers).status_code == 403
        assert send(named, client=client, **headers).status_code == 403
        assert send([EVENT, named], client=client, **headers).status_code == 403
        body = {"visitor": "external:till-7"}
        assert client.post(f"{API}/tokens/", body, content_type="application/json", headers=headers).status_code == 403
    assert not Feedback.objects.exists()


def test_a_key_of_a_user_is_that_user(goods: list[Product], send: Send) -> None:
    ada = get_user_model().objects.create_user("ada")
    assert send(EVENT, **key_of(ada)).status_code == 201
    assert Feedback.objects.get().visitor.user == ada


def test_a_key_that_is_wrong_or_old_is_refused(goods: list[Product], send: Send) -> None:
    ada = get_user_model().objects.create_user("ada")
    old = AuthToken.objects.create(ada, expiry=timedelta(seconds=-1))[1]
    for key in (old, "0" * 64):
        assert send(EVENT, **{"Authorization": f"Token {key}"}).status_code == 401


def test_without_consent_servers_and_tokens_store_nothing(
    goods: list[Product], send: Send, server: dict[str, str]
) -> None:
    with override_settings(MTREC={"ENCODER": "hashing", "CONSENT": "tests.api.test_feedback.refuse"}):
        named = send([{**EVENT, "visitor": "external:till-7"}], **server)
        own = send([EVENT], **{"Authorization": f"Visitor {sign(make_visitor())}"})
    assert named.json()["ignored"] == own.json()["ignored"] == 1
    assert not Feedback.objects.exists()
    assert not Visitor.objects.filter(external_id="till-7").exists()


def test_a_beacon_of_this_very_origin_needs_no_csrf_token(goods: list[Product], send: Send) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.create_user("ada"))
    for site, status in {"same-origin": 201, "same-site": 403, "cross-site": 403, "none": 403}.items():
        assert send(EVENT, client=strict, **{"Sec-Fetch-Site": site}).status_code == status


def test_where_the_api_is_closed_a_token_opens_it(goods: list[Product], client: Client) -> None:
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.views import APIView

    with mock.patch.object(APIView, "permission_classes", [IsAuthenticated]):
        assert client.get(HOME).status_code == 401
        signed = {"Authorization": f"Visitor {sign(make_visitor())}"}
        assert client.get(HOME, headers=signed).status_code == 200


def test_a_token_says_when_it_was_made(db: None) -> None:
    visitor = make_visitor()
    with mock.patch("time.time", return_value=(timezone.now() - timedelta(days=2)).timestamp()):
        token = sign(visitor)
    assert visitor_of(token) is None
