"""Who may ask what: every operation of the API, by everybody who may try, with nothing of anybody else in an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse

from mtrec_django.events.tokens import sign
from mtrec_django.models import Recommendation, Visitor
from mtrec_django.testing import make_event, make_visitor
from tests.addresses import addresses, arguments, trace
from tests.site.models import Product

from .conftest import key_of

SECRET = "adas-secret"
"""Stands in everything that is known of Ada."""

CALLERS = ("anonymous", "ada", "bob", "token of bob", "customer's key", "staff", "trusted staff", "server")
TRUSTED = ("trusted staff", "server")
"""Those with the permission to act for visitors."""

ARGUMENTS = {"name": "home", "source": "testsite.product", "lookup": "sku-0"}
EVENT = {"kind": "view", "source": "testsite.product", "item": "sku-0"}


@dataclass(frozen=True)
class Operation:
    """How an operation is called, and what whoever calls it for himself is answered."""

    body: Any = field(default_factory=dict)
    status: int = 200
    others: dict[str, int] = field(default_factory=dict)
    """Callers who are answered otherwise."""
    names: bool = True
    """Whether it can be asked for a visitor by name."""


OPERATIONS = {
    "GET mtrec:click": Operation(names=False, status=404),
    "GET mtrec-api:schema": Operation(names=False),
    "GET mtrec-api:scenarios": Operation(names=False),
    "GET mtrec-api:similar": Operation(names=False),
    "GET mtrec-api:recommendations": Operation(),
    "POST mtrec-api:rank": Operation({"items": ["sku-0", "sku-1"], "source": "testsite.product"}),
    "POST mtrec-api:feedback": Operation(EVENT, status=201, others={"server": 400}),
    "GET mtrec-api:similar-visitors": Operation(),
    "POST mtrec-api:tokens": Operation(status=201, others={"token of bob": 403, "server": 403}),
    "GET mtrec-api:visitor": Operation(others={"token of bob": 403}),
    "DELETE mtrec-api:visitor": Operation(others={"token of bob": 403}),
}
"""Every operation outside the admin. A new one must be written down here."""

NAMING = sorted(name for name, one in OPERATIONS.items() if one.names)


def ours() -> dict[str, list[str]]:
    """Every operation, with the names of its address's arguments."""
    found = {}
    for name, pattern in addresses():
        if name.startswith(("mtrec:", "mtrec-api:")):
            view = getattr(pattern.callback, "cls", None)
            for method in ("get", "post", "put", "patch", "delete") if view else ("get",):
                if view is None or hasattr(view, method):
                    found[f"{method.upper()} {name}"] = arguments(pattern)
    return found


@pytest.fixture
def ada(goods: list[Product]) -> Visitor:
    """A customer of whom much is known."""
    user = get_user_model().objects.create_user(SECRET, email=f"{SECRET}@example.com", first_name=SECRET)
    visitor = make_visitor(user, external_id=f"{SECRET}-external", features={"town": SECRET})
    for product in goods[:3]:
        make_event(product, kind="purchase", visitor=visitor, basket=f"{SECRET}-basket", key=f"{SECRET}-key")
    return visitor


@pytest.fixture
def callers(ada: Visitor, goods: list[Product]) -> dict[str, tuple[Client, dict[str, str]]]:
    """A client and its headers for each who may try."""
    users = get_user_model().objects
    bob = make_visitor(users.create_user("bob"))
    for product in goods[:3]:
        make_event(product, visitor=bob)
    staff, trusted = (users.create_user(name, is_staff=True) for name in ("staff", "trusted"))
    server = users.create_user("server")
    for one in (trusted, server):
        one.user_permissions.add(Permission.objects.get(codename="act_for_visitor"))
    signed_in = {"ada": ada.user, "bob": bob.user, "staff": staff, "trusted staff": trusted}
    made: dict[str, tuple[Client, dict[str, str]]] = {"anonymous": (Client(), {})}
    for name, user in signed_in.items():
        made[name] = (Client(), {})
        made[name][0].force_login(user)
    made["token of bob"] = (Client(), {"Authorization": f"Visitor {sign(bob)}"})
    made["customer's key"] = (Client(), key_of(bob.user))
    made["server"] = (Client(), key_of(server))
    return made


@pytest.fixture(autouse=True)
def everything_on(settings: Any) -> None:
    settings.MTREC = {"ENCODER": "hashing", "SIMILAR_VISITORS": True}


def call(name: str, caller: tuple[Client, dict[str, str]], visitor: str = "") -> HttpResponse:
    """The answer of an operation, for oneself or for somebody by name."""
    (method, address), (client, headers) = name.split(), caller
    url = reverse(address, args=[ARGUMENTS.get(argument, "nonsense") for argument in ours()[name]])
    given = {**OPERATIONS[name].body, **({"visitor": visitor} if visitor else {})}
    if method == "POST":
        return client.post(url, given, content_type="application/json", headers=headers)
    return client.generic(method, url, query_params=given, headers=headers)


def names_of(visitor: Visitor) -> list[str]:
    return [f"user:{visitor.user_id}", f"external:{visitor.external_id}", f"key:{visitor.key}"]


def test_the_matrix_holds_every_address() -> None:
    assert sorted(ours()) == sorted(OPERATIONS), "Say in OPERATIONS how it is called, and who may."


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_everybody_reaches_what_is_his_own(name: str, caller: str, ada: Visitor, callers: Any) -> None:
    response = call(name, callers[caller])
    operation = OPERATIONS[name]
    assert response.status_code == operation.others.get(caller, operation.status), response.content
    text = response.content.decode()
    assert caller == "ada" or (SECRET not in text and str(ada.key) not in text)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", NAMING)
def test_nobody_but_the_trusted_speaks_for_ada(name: str, caller: str, ada: Visitor, callers: Any) -> None:
    before = trace()
    for called in names_of(ada):
        response = call(name, callers[caller], called)
        if caller in TRUSTED:
            assert response.status_code == OPERATIONS[name].status, response.content
        else:
            assert response.status_code == 403
            assert trace() == before


@pytest.mark.parametrize("name", NAMING)
def test_a_stranger_is_told_the_same_of_ada_as_of_nobody(name: str, ada: Visitor, callers: Any) -> None:
    """So nobody learns by asking who is known here."""
    bodies = {call(name, callers["bob"], called).content for called in [*names_of(ada), "external:nobody", "user:0"]}
    assert len(bodies) == 1


@pytest.mark.parametrize("caller", [caller for caller in CALLERS if caller not in ("ada", *TRUSTED)])
def test_nobody_claims_or_repeats_what_is_adas(caller: str, ada: Visitor, callers: Any) -> None:
    answer = Recommendation.objects.create(visitor=ada, items=[], sources=[], scores=[])
    client, headers = callers[caller]
    url = reverse("mtrec-api:feedback")
    claim = {**EVENT, "recommendation": str(answer.pk)}
    assert client.post(url, claim, content_type="application/json", headers=headers).status_code == 400
    again = {**EVENT, "key": f"{SECRET}-key"}
    assert client.post(url, again, content_type="application/json", headers=headers).status_code == 201


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"DELETE mtrec-api:visitor"}))
def test_without_consent_nothing_is_written(name: str, callers: Any) -> None:
    before = trace()
    with override_settings(MTREC={"SIMILAR_VISITORS": True, "CONSENT": "tests.api.test_feedback.refuse"}):
        for caller in CALLERS:
            assert call(name, callers[caller]).status_code < 500
            if caller in TRUSTED and OPERATIONS[name].names:
                assert call(name, callers[caller], "external:new").status_code < 500
    assert trace() == before
