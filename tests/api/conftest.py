"""A site with goods, and whoever calls its API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from knox.models import AuthToken

from mtrec_django.models import Scenario
from mtrec_django.testing import make_item
from tests.site.models import Product

MOUNTED = "/api/mtrec"
API = f"{MOUNTED}/v1"


@pytest.fixture(autouse=True)
def no_throttle_left() -> Iterator[None]:
    """Counters of throttles live in the cache."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def goods(db: None) -> list[Product]:
    """Five products in the catalogue, and a scenario that shows them."""
    Scenario.objects.all().delete()
    Scenario.objects.create(
        name="home", title="Picked for you", sources=["testsite.product"], goal={"view": 1, "purchase": 5}
    )
    made = [Product.objects.create(sku=f"sku-{number}", title=f"Tea {number}") for number in range(5)]
    for product in made:
        make_item(product)
    return made


@pytest.fixture
def send(client: Client) -> Callable[..., HttpResponse]:
    """Post feedback as JSON."""

    def post(events: Any, client: Client = client, **headers: str) -> HttpResponse:
        return client.post(f"{API}/feedback/", events, content_type="application/json", headers=headers)

    return post


def key_of(user: Any) -> dict[str, str]:
    """The header of a key that a server has."""
    return {"Authorization": f"Token {AuthToken.objects.create(user, expiry=None)[1]}"}


@pytest.fixture
def server(db: None) -> dict[str, str]:
    """The header of a server that may act for visitors."""
    user = get_user_model().objects.create_user("warehouse")
    user.user_permissions.add(Permission.objects.get(codename="act_for_visitor"))
    return key_of(user)
