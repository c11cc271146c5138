"""What a site tells of its users is asked, checked and kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from mtrec_django.events.descriptions import describe, describe_all, sound
from mtrec_django.models import Visitor

pytestmark = pytest.mark.django_db


def tell(user: Any) -> dict[str, Any]:
    return {"name_length": len(user.username), "staff": user.is_staff, "country": None, "likes": ("tea", "cake")}


@pytest.fixture
def asked(settings: Any) -> None:
    settings.MTREC = {"DESCRIBE_USER": f"{__name__}.tell"}


@pytest.fixture
def visitor() -> Visitor:
    user = get_user_model().objects.create_user("anna", password="secret-of-anna")
    return Visitor.objects.create(user=user, features={"town": "Bonn"})


@pytest.mark.usefixtures("asked")
def test_it_is_kept_beside_what_was_known(visitor: Visitor) -> None:
    assert describe(visitor)
    visitor.refresh_from_db()
    wanted = {"town": "Bonn", "name_length": 4.0, "staff": "no", "likes": ["tea", "cake"]}
    assert visitor.features == wanted
    assert not describe(visitor)


@pytest.mark.usefixtures("asked")
def test_all_are_asked_and_guests_are_not(visitor: Visitor) -> None:
    Visitor.objects.create()
    assert describe_all() == 1
    assert describe_all() == 0


@pytest.mark.usefixtures("asked")
def test_it_is_asked_at_log_in(visitor: Visitor, client: Client) -> None:
    client.login(username="anna", password="secret-of-anna")
    visitor.refresh_from_db()
    assert visitor.features["name_length"] == 4.0


def test_nobody_is_asked_where_the_site_names_no_function(visitor: Visitor) -> None:
    assert not describe(visitor)
    assert describe_all() == 0


@pytest.mark.parametrize("value", [float("nan"), {"a": 1}, [1, 2], object()])
def test_what_cannot_be_learned_from_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="'odd'"):
        sound({"odd": value})
