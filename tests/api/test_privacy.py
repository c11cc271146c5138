"""One's own data: to see, to erase, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from knox.models import AuthToken

from mtrec_django.events.tokens import sign
from mtrec_django.models import Feedback, Visitor
from mtrec_django.models.erasures import is_genuine
from mtrec_django.testing import make_event, make_visitor
from tests.site.models import Product

from .conftest import API

ME = f"{API}/visitor/"


@pytest.fixture
def ada(goods: list[Product], client: Client) -> Visitor:
    """Signed in, with one event; there is somebody else as well."""
    visitor = make_visitor(get_user_model().objects.create_user("ada"))
    make_event(goods[0], kind="purchase", visitor=visitor)
    make_event(goods[1], visitor=make_visitor(external_id="bob"))
    client.force_login(visitor.user)
    return visitor


def refuse(request: Any) -> bool:
    return False


def test_a_user_sees_what_is_stored_of_her_alone(ada: Visitor, client: Client) -> None:
    answer = client.get(ME)
    assert answer["Cache-Control"] == "private, no-store"
    told = answer.json()
    assert told["visitor"]["user"] == str(ada.user_id)
    assert [event["kind"] for event in told["feedback"]] == ["purchase"]


def test_a_user_erases_herself_and_gets_a_receipt(ada: Visitor, client: Client) -> None:
    receipt = client.delete(ME).json()
    assert is_genuine(receipt)
    assert receipt["rows"] == {"mtrec_feedback": 1, "mtrec_visitor": 1}
    assert client.delete(ME).json()["rows"] == {}
    assert client.get(ME).json()["feedback"] == []
    assert Feedback.objects.get().visitor.external_id == "bob"


def test_who_refused_is_heard_all_the_same(ada: Visitor, client: Client, settings: Any) -> None:
    settings.MTREC = {"CONSENT": "tests.api.test_privacy.refuse"}
    assert len(client.get(ME).json()["feedback"]) == 1
    assert client.delete(ME).json()["rows"]["mtrec_visitor"] == 1


def test_a_guest_goes_and_comes_back_as_another(goods: list[Product], client: Client) -> None:
    event = {"kind": "view", "source": "testsite.product", "item": "sku-1"}
    client.post(f"{API}/feedback/", event, content_type="application/json")
    key = Visitor.objects.get().key
    assert client.delete(ME).json()["rows"]["mtrec_visitor"] == 1
    assert "mtrec_visitor" not in client.session
    client.post(f"{API}/feedback/", event, content_type="application/json")
    assert Visitor.objects.get().key != key


def test_a_stranger_is_nobody(ada: Visitor) -> None:
    guest = Client()
    assert guest.get(ME).json() == {"visitor": None, "feedback": [], "recommendations": [], "relations": []}
    assert guest.delete(ME).json()["rows"] == {}
    assert Visitor.objects.count() == 2


def test_a_token_is_not_enough(ada: Visitor) -> None:
    headers = {"Authorization": f"Visitor {sign(ada)}"}
    assert Client().get(ME, headers=headers).status_code == 403
    assert Client().delete(ME, headers=headers).status_code == 403


def test_nobody_names_another_but_a_server(ada: Visitor, client: Client) -> None:
    for call in (client.get, client.delete):
        assert call(f"{ME}?visitor=external:bob").status_code == 403
    server = get_user_model().objects.create_user("warehouse")
    server.user_permissions.add(Permission.objects.get(codename="act_for_visitor"))
    headers = {"Authorization": f"Token {AuthToken.objects.create(server, expiry=None)[1]}"}
    assert Client().get(f"{ME}?visitor=external:bob", headers=headers).json()["visitor"]["external_id"] == "bob"
    assert Client().delete(f"{ME}?visitor=external:bob", headers=headers).json()["rows"]["mtrec_feedback"] == 1
    assert Client().delete(ME, headers=headers).json()["rows"] == {}
    assert Visitor.objects.get() == ada


def test_another_site_cannot_erase(ada: Visitor) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada.user)
    assert client.delete(ME).status_code == 403
    assert Visitor.objects.filter(pk=ada.pk).exists()
