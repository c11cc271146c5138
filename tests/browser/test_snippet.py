"""`mtrec.js` in a real browser, on a page that a cache could keep, under a strict Content-Security-Policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Page, expect

from mtrec_django.events.tokens import sign
from mtrec_django.models import Feedback, Recommendation, Scenario, Visitor
from mtrec_django.testing import make_item
from tests.site.models import Product

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PATIENCE = 15.0


@pytest.fixture
def tea(live_server: Any, settings: Any) -> str:
    """The address of the page, with goods behind it."""
    settings.ROOT_URLCONF = "tests.browser.pages"
    settings.MTREC = {"ENCODER": "hashing", "CRAWLERS_COUNT": True}
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", title="Picked for you", sources=["testsite.product"], goal={"view": 1})
    for number in range(10):
        make_item(Product.objects.create(sku=f"sku-{number}", title=f"Tea {number}"))
    return f"{live_server.url}/tea/"


def until(found: Callable[[], bool]) -> None:
    """Wait for what a beacon brings; it tells nobody when it has arrived."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, list(Feedback.objects.values("kind", "item__title"))
        time.sleep(0.05)


def count(**fields: Any) -> int:
    return Feedback.objects.filter(**fields).count()


def test_lists_are_shown_and_what_is_seen_and_done_is_sent(tea: str, page: Page) -> None:
    page.goto(tea)
    plain = page.locator("#plain")
    expect(plain.locator("h2.mtrec-title")).to_have_text("Picked for you")
    expect(plain.locator("li.mtrec-item")).to_have_count(3)
    assert "/mtrec/go/" in (plain.locator("a").first.get_attribute("href") or "")
    expect(page.locator("#own article b")).to_have_count(2)
    expect(page.locator("#own article b").first).to_contain_text("Tea")
    expect(page.locator("#similar li")).to_have_count(2)
    expect(page.locator("#below li")).to_have_count(1)
    page.get_by_role("button", name="Add").click()
    until(lambda: count(kind="impression") == 7)
    page.goto("about:blank")  # leaving sends what is left
    until(lambda: count(kind="view") == 1 and count(kind="cart") == 1)
    assert Feedback.objects.get(kind="cart").value == 2
    assert Visitor.objects.count() == 1
    lists = Recommendation.objects.filter(pk__in=Feedback.objects.values("recommendation"))
    assert lists.count() == 2  # not the one below the fold, nor similar items, which are nobody's
    assert not count(kind="impression", recommendation__isnull=True)


def test_what_is_scrolled_to_is_seen_once(tea: str, page: Page) -> None:
    page.goto(tea)
    below = page.locator("#below li")
    expect(below).to_have_count(1)
    answer = below.get_attribute("data-mtrec-recommendation")
    assert not count(recommendation=answer)
    for _ in range(2):
        below.scroll_into_view_if_needed()
        until(lambda: count(recommendation=answer) == 1)
        page.locator("h1").scroll_into_view_if_needed()
    page.evaluate("window.mtrec.flush()")
    assert count(recommendation=answer) == 1


def test_the_events_are_of_whoever_is_signed_in(tea: str, page: Page) -> None:
    client = Client()
    user = get_user_model().objects.create_user("ada")
    client.force_login(user)
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "domain": "localhost", "path": "/"}])
    page.goto(tea)
    until(lambda: count(kind="view", visitor__user=user) == 1)


def test_a_token_says_whose_the_events_are(tea: str, page: Page) -> None:
    visitor = Visitor.objects.create()
    page.goto(f"{tea}?token={sign(visitor)}")
    until(lambda: count(kind="view", visitor=visitor) == 1)
    expect(page.locator("#plain li")).to_have_count(3)
    assert Recommendation.objects.filter(visitor=visitor).exists()


def test_what_stands_there_stays_where_there_is_nothing_to_show(tea: str, page: Page) -> None:
    Product.objects.update(stock=0)
    with page.expect_response(lambda response: "/recommendations/" in response.url):
        page.goto(tea)
    page.wait_for_load_state("networkidle")
    expect(page.locator("#plain")).to_have_text("Nothing yet")
