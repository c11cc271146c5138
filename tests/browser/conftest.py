"""The shop as it runs in earnest: Gunicorn, a Celery worker on the same Postgres, Chromium."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from example_project.demo import steps
from example_project.demo.processes import Children, wait_until, web_server, worker
from example_project.demo.state import State
from example_project.shop.loading import load_shop
from example_project.shop.models import Customer, Product

PASSWORD = "a password of the tests"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


SCREENSHOTS = os.environ.get("MTREC_SCREENSHOTS")
"""A folder for pictures of the pages, for people to look at."""


def keep(page: Page, name: str) -> None:
    """A picture of the page, where somebody wants to look at it."""
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name.replace(' ', '-')}.png", full_page=True)


@dataclass(frozen=True, slots=True)
class Site:
    """A running shop."""

    url: str
    customers: tuple[str, str]
    product: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address() -> str:
    """The test database as an address, for the other processes."""
    settings = connection.settings_dict
    return f"postgresql://{settings['USER']}@/{settings['NAME']}?host={quote(settings['HOST'], safe='/')}"


@pytest.fixture
def site(transactional_db: None, tmp_path: Path) -> Iterator[Site]:
    load_shop(limit=80)
    call_command("mtrec_sync", "--no-encode", verbosity=0)
    call_command("mtrec_import", "--history", verbosity=0)
    User.objects.create_superuser("admin", password=PASSWORD)
    state, port = State(tmp_path), free_port()
    state.make_secrets()
    state.set(database_url=address())
    said: list[str] = []
    children = Children(state, said.append)
    try:
        web = web_server(state, "127.0.0.1", port, threads=4)
        for child in (web, worker(state)):
            child.environment["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"
            children.start(child)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: bool(steps.fetch(f"{url}/")), web, 60)
        heavy = Customer.objects.order_by("-line_count").values_list("user__username", flat=True)
        yield Site(url, (heavy[0], heavy[1]), Product.objects.in_stock()[3].get_absolute_url())
    finally:
        children.stop()
    assert said == []  # nothing died


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("MTREC_REQUIRE_BROWSER"):
        pytest.skip("no Chromium on this machine")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps a loop in this thread; the ORM need not care
        opened = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new visitor; what its console complains of fails the test, and so does an answer of 400 or more."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(f"{message.type}: {message.text} ({message.location})")

    def see(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"{response.status}: {response.url}")

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    opened.on("console", hear)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("response", see)
    yield opened
    context.close()
    assert complaints == []
