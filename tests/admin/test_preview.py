"""What a scenario shows to somebody, looked at from the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mtrec_django.models import Feedback, Recommendation, Scenario
from mtrec_django.serving import live
from mtrec_django.testing import fake_recommender, make_event, make_item, make_visitor
from tests.serving.world import World
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


@pytest.fixture
def two_versions(empty: None) -> World:
    """A scenario whose second version is live."""
    live.reset()
    made = World().build()
    made.first = made.version  # type: ignore[attr-defined]
    made.publish()
    return made


def test_two_versions_side_by_side_with_what_came_after(boss: Client, two_versions: World) -> None:
    world, url = two_versions, reverse("admin:mtrec_preview", args=[two_versions.scenario.pk])
    visitor = world.visitor((2, 0), (2, 1), (2, 2), external_id="ada")
    third = Feedback.objects.filter(visitor=visitor).latest("time")
    moment = timezone.localtime(third.time) - timedelta(seconds=30)
    asked = {"visitor": "ada", "b": world.first.pk, "until": f"{moment:%Y-%m-%dT%H:%M:%S}"}  # type: ignore[attr-defined]
    response = boss.get(url, asked)
    a, b = response.context["columns"]
    assert (a.answer.version, b.answer.version) == (world.version.pk, world.first.pk)  # type: ignore[attr-defined]
    assert a.hits == b.hits == 1
    assert a.shown[0].beside == 1
    assert [event.pk for event in response.context["after"]] == [third.pk]
    assert third not in response.context["events"]
    text = response.content.decode()
    assert "What this visitor did afterwards" in text
    assert "view afterwards" in text
    assert "there in place 1" in text
    assert not Recommendation.objects.exists()


def test_it_offers_to_look_back(boss: Client, two_versions: World) -> None:
    url = reverse("admin:mtrec_preview", args=[two_versions.scenario.pk])
    two_versions.visitor((2, 0), (2, 1), external_id="ada")
    earlier = boss.get(url, {"visitor": "ada"}).context["earlier"]
    assert earlier.startswith("?visitor=ada&until=")
    assert len(boss.get(url + earlier).context["after"]) == 1


@pytest.mark.parametrize("asked", [{"a": "0"}, {"b": "x"}, {"until": "soon"}, {"until": "2999-01-01T00:00"}])
def test_what_is_no_version_and_no_past_moment_is_passed_over(boss: Client, url: str, asked: dict[str, str]) -> None:
    assert "it was passed over" in boss.get(url, asked).content.decode()
