"""Limits on how often."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from mtrec_django.api import throttling
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
