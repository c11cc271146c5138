"""A visitor's way through the shop, in a real browser, with a real web server and a real worker."""

from __future__ import annotations

import itertools
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from mtrec_django.models import Feedback, ModelVersion, Recommendation, Run, Scenario

from .conftest import PASSWORD, Site, keep

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

TRAINING_SECONDS = 240


def shown(page: Page, scenario: str) -> list[str]:
    """Titles of the products that a scenario shows on a page."""
    cards = page.locator(f'[data-scenario="{scenario}"]').first.locator("article h3")
    expect(cards.first).to_be_visible()
    return [title.strip() for title in cards.all_inner_texts()]


def sign_in(page: Page, site: Site, username: str) -> None:
    page.goto(f"{site.url}/sign-in/?q={username}")
    page.get_by_role("button", name=f"Sign in as customer {username}").click()
    expect(page.get_by_text(f"Welcome back, customer {username}").first).to_be_visible()


def test_from_the_front_page_to_a_new_version(site: Site, page: Page) -> None:
    # Before any training the front page recommends what is popular.
    page.goto(f"{site.url}/")
    as_a_guest = shown(page, "home")
    assert len(as_a_guest) == 8

    # A click is recorded with the list it came from, and leads to the product.
    page.locator('[data-scenario="home"] article a').first.click()
    expect(page.locator("h1")).to_have_text(as_a_guest[0])
    click = Feedback.objects.get(kind="click")
    answer = Recommendation.objects.get(pk=click.recommendation)
    assert answer.scenario.name == "home"
    assert Feedback.objects.filter(kind="view", item=click.item).exists()
    assert shown(page, "product")

    # In the basket there are other lists, without what is in it.
    page.get_by_role("button", name="Add to basket").click()
    expect(page.get_by_role("status")).to_contain_text("is in your basket")
    assert as_a_guest[0] not in shown(page, "basket")

    # The administrator has a base trained, and sees it progress and end.
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{site.url}/admin/mtrec/")
    page.get_by_role("button", name="Train a new base").click()
    expect(page.locator("[data-mtrec-run] progress").first).to_be_visible()
    run = Run.objects.get(kind="train")
    expect(page.locator(f'[data-mtrec-run="{run.pk}"]')).to_have_count(0, timeout=TRAINING_SECONDS * 1000)
    run.refresh_from_db()
    assert (run.status, run.error) == ("succeeded", "")
    assert ModelVersion.objects.filter(kind="base").count() == 1
    page.goto(f"{site.url}/admin/mtrec/modelversion/")
    expect(page.locator("#result_list tbody tr")).not_to_have_count(0)

    # A preview shows what the new version has for a customer, with what he did afterwards.
    home = Scenario.objects.get(name="home")
    base = ModelVersion.objects.get(kind="base")
    page.goto(f"{site.url}/admin/mtrec/scenario/{home.pk}/preview/?visitor={site.customers[0]}&a={base.pk}&b={base.pk}")
    page.get_by_role("link", name="As of before his last events").click()
    expect(page.locator("ol.mtrec-shown")).to_have_count(2)
    expect(page.locator("#mtrec-after")).to_be_visible()
    keep(page, "shop preview")
    page.goto(f"{site.url}/admin/mtrec/modelversion/{base.pk}/change/")
    keep(page, "shop version")
    page.goto(f"{site.url}/admin/mtrec/")
    keep(page, "shop index")
    page.locator("#logout-form button").click()

    # Two customers with different tastes see different lists, and not what a guest sees.
    sign_in(page, site, site.customers[0])
    first = shown(page, "home")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, site, site.customers[1])
    second = shown(page, "home")
    assert len(first) == len(second) == 8
    assert set(first) != set(second)
    assert set(first) != set(as_a_guest)
    if Scenario.objects.get(name="home").live_version:
        assert Recommendation.objects.filter(version__isnull=False).exists()

    # Check-out ends the way, and what was bought is an event.
    page.goto(f"{site.url}{site.product}")
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_role("link", name="Check out").click()
    page.get_by_role("button", name="Place the order").click()
    expect(page.locator("h1")).to_have_text(re.compile("^Order PF-"))
    assert Feedback.objects.filter(kind="purchase", visitor__user__username=site.customers[1], scenario=None).exists()


def test_no_page_is_wider_than_the_screen_or_complains(site: Site, page: Page) -> None:
    paths = ("/", "/shelf/christmas/", site.product, "/basket/", "/search/?q=red", "/sign-in/", "/orders/")

    for width, path in itertools.product((1280, 390), paths):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{site.url}{path}")
        page.wait_for_load_state("networkidle")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        assert page.locator("img:not([alt])").count() == 0, path
    assert urlsplit(page.url).path == "/sign-in/"  # orders are for customers
