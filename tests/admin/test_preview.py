"""What a scenario shows to somebody, looked at from the admin."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from mtrec_django.models import Feedback, Recommendation, Scenario
from mtrec_django.testing import fake_recommender, make_event, make_item, make_visitor
from tests.site.models import Product


@pytest.fixture
def url(home: Scenario) -> str:
    return reverse("admin:mtrec_preview", args=[home.pk])


@pytest.fixture
def teas(db: None) -> list[Product]:
    made = [Product.objects.create(sku=f"t{number}", title=f"Tea {number}") for number in range(3)]
    for product in made:
        make_item(product)
    return made


def test_a_guest_sees_something_and_nothing_is_stored(boss: Client, url: str, teas: list[Product]) -> None:
    page = boss.get(url).content.decode()
    assert "For a guest of whom nothing is known." in page
    assert "Answered without a model." in page
    assert all(product.title in page for product in teas)
    assert not Recommendation.objects.exists()
    assert not Feedback.objects.exists()


def test_scores_sources_and_reasons_beside_what_the_visitor_did(boss: Client, url: str, teas: list[Product]) -> None:
    make_event(teas[2], "purchase", visitor=make_visitor(external_id="ada"))
    with fake_recommender(*teas[:2]):
        page = boss.get(url, {"visitor": "ada"}).content.decode()
    assert "For ada." in page
    assert "Picked for you" in page and "personal" in page and "score 1.000" in page
    assert page.index("What this visitor did last") < page.index("Tea 2")


def test_an_unknown_visitor_is_told(boss: Client, url: str) -> None:
    assert "There is no visitor &lt;nobody&gt;." in boss.get(url, {"visitor": "<nobody>"}).content.decode()


def test_only_who_may_see_visitors_may_look_through_their_eyes(
    staff: Callable[..., Client], url: str, teas: list[Product], client: Client
) -> None:
    make_visitor(external_id="ada")
    looks = staff("view_scenario")
    assert looks.get(url).status_code == 200
    assert looks.get(url, {"visitor": "ada"}).status_code == 403
    assert staff("view_scenario", "view_visitor").get(url, {"visitor": "ada"}).status_code == 200
    assert staff("view_visitor").get(url).status_code == 403
    assert client.get(url).status_code == 302


def test_an_unknown_scenario_is_not_found(boss: Client, url: str) -> None:
    assert boss.get(reverse("admin:mtrec_preview", args=[0])).status_code == 404
