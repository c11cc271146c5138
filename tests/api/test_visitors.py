"""Who is like whom, as the API tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, override_settings

from mtrec_django.events.tokens import sign
from mtrec_django.models import Visitor
from mtrec_django.testing import make_event, make_visitor
from tests.site.models import Product

from .conftest import API

URL = f"{API}/visitors/similar/"


@pytest.fixture
def told() -> Iterator[None]:
    with override_settings(MTREC={"ENCODER": "hashing", "SIMILAR_VISITORS": True}):
        yield


@pytest.fixture
def twins(goods: list[Product]) -> tuple[Visitor, Visitor, Visitor]:
    """Two users and a guest who met the same."""
    made = [make_visitor(get_user_model().objects.create_user(name)) for name in ("ada", "bob")] + [make_visitor()]
    for visitor in made:
        for product in goods[:3]:
            make_event(product, visitor=visitor)
    return made[0], made[1], made[2]


def ask(client: Client, visitor: Visitor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(URL, headers={"Authorization": f"Visitor {sign(visitor)}"}).json()[
        "visitors"
    ]
    return found


def test_it_is_off_unless_the_site_wants_it(twins: Any, client: Client, server: dict[str, str]) -> None:
    assert client.get(URL, {"visitor": "user:1"}, headers=server).status_code == 404


def test_a_visitor_is_told_of_others_by_words_that_mean_nothing(told: None, twins: Any, client: Client) -> None:
    ada, bob, guest = twins
    mine, again, his = ask(client, ada), ask(client, ada), ask(client, bob)
    assert [one["shared"] for one in mine] == [3, 3]
    assert mine == again
    words = {one["visitor"] for one in mine}
    assert len(words) == 2
    assert not words & {one["visitor"] for one in his}  # the guest is another word to each
    assert not any(str(guest.key)[:8] in word or ":" in word for word in words)


def test_a_server_is_told_names_that_it_can_use(told: None, twins: Any, client: Client, server: dict[str, str]) -> None:
    ada, bob, guest = twins
    answer = client.get(URL, {"visitor": f"user:{ada.user_id}"}, headers=server).json()["visitors"]
    assert {one["visitor"] for one in answer} == {f"user:{bob.user_id}", f"key:{guest.key}"}
    back = client.get(URL, {"visitor": f"key:{guest.key}", "n": 1}, headers=server).json()["visitors"]
    assert len(back) == 1


def test_nobody_known_is_like_nobody(told: None, twins: Any, client: Client, server: dict[str, str]) -> None:
    assert client.get(URL).json() == {"visitors": []}
    assert client.get(URL, headers=server).json() == {"visitors": []}
    assert client.get(URL, {"visitor": "user:1"}).status_code == 403
    with override_settings(MTREC={"SIMILAR_VISITORS": True, "CONSENT": "tests.api.test_feedback.refuse"}):
        assert ask(client, twins[0]) == []
