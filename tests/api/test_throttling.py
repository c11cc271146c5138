"""Limits on how often."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from mtrec_django.api import throttling
from mtrec_django.events.tokens import sign
from mtrec_django.models import Visitor
from mtrec_django.testing import make_visitor
from tests.site.models import Product

from .conftest import API

URL = f"{API}/scenarios/"


@pytest.fixture
def twice() -> Iterator[None]:
    """Two reads a minute."""
    with mock.patch.object(throttling.ReadThrottle, "default_rate", "2/min"):
        yield


def statuses(client: Client, times: int = 3) -> list[int]:
    return [client.get(URL).status_code for _ in range(times)]


def test_too_many_reads_are_refused(twice: None, goods: list[Product], client: Client) -> None:
    assert statuses(client) == [200, 200, 429]
    response = client.get(URL)
    assert int(response["Retry-After"]) > 0
    assert response.json()["code"] == "throttled"
    assert statuses(Client(), 1) == [429]  # another session is no way out


def test_each_user_has_a_limit_of_his_own(twice: None, goods: list[Product]) -> None:
    for name in ("ada", "bob"):
        client = Client()
        client.force_login(get_user_model().objects.create_user(name))
        assert statuses(client) == [200, 200, 429]


def test_reading_leaves_room_for_feedback(twice: None, goods: list[Product], client: Client) -> None:
    statuses(client)
    body = {"kind": "view", "source": "testsite.product", "item": "sku-0"}
    assert client.post(f"{API}/feedback/", body, content_type="application/json").status_code == 201


@pytest.mark.parametrize(("rate", "last"), [("1/min", 429), (None, 200)])
def test_the_site_decides(rate: str | None, last: int, twice: None, goods: list[Product], client: Client) -> None:
    rates = {"mtrec-read": rate}
    with mock.patch.object(throttling.api_settings, "DEFAULT_THROTTLE_RATES", rates, create=True):
        assert statuses(client)[-1] == last


def test_each_signed_visitor_has_a_limit_and_their_address_one(twice: None, goods: list[Product]) -> None:
    def read(visitor: Visitor) -> int:
        return Client().get(URL, headers={"Authorization": f"Visitor {sign(visitor)}"}).status_code

    one, other = make_visitor(), make_visitor()
    assert [read(one), read(one), read(one), read(other)] == [200, 200, 429, 200]
    with mock.patch.object(throttling.AddressThrottle, "default_rate", "5/min"):
        assert [read(make_visitor()) for _ in range(3)] == [200, 429, 429]


def test_a_server_has_one_limit_for_everything(twice: None, goods: list[Product], server: dict[str, str]) -> None:
    body = {"kind": "view", "source": "testsite.product", "item": "sku-0", "visitor": "external:till-7"}
    with mock.patch.object(throttling.ServerThrottle, "default_rate", "3/min"):
        client = Client()
        reads = [client.get(URL, headers=server).status_code for _ in range(3)]
        sent = client.post(f"{API}/feedback/", body, content_type="application/json", headers=server)
    assert [*reads, sent.status_code] == [200, 200, 200, 429]
