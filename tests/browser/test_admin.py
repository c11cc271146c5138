"""Every page of the admin in a real browser: nothing that keeps a person out, light, dark and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from mtrec_django.catalog.registry import source_for
from mtrec_django.models import Arm, Batch, Experiment, Feedback, Item, Pin
from mtrec_django.serving import live
from tests.admin.conftest import base, boss, empty, full, home
from tests.browser.conftest import keep
from tests.serving.world import World
from tests.site.models import Product

__all__ = ["base", "boss", "empty", "full", "home"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}

GRAVE = {"serious", "critical"}


TITLE = "Hand-painted porcelain teapot with lid and infuser, 1.2 litres, dishwasher-safe (set of two)"
"""As long as shops have them."""


@pytest.fixture
def rehearsed(full: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """The preview of two versions for a visitor with a history, as of before his last events: its address."""
    live.reset()
    world = World().build()
    first = world.version
    visitor = world.visitor(*[(topic, rank) for rank in range(4) for topic in (2, 3, 5)], external_id="grace")
    monkeypatch.setattr(source_for(Product), "image", None)  # so that the picture is the item's
    world.vectors[[world.row(2, 8), world.row(4, 1)]] = world.vectors[[world.row(4, 1), world.row(2, 8)]]
    world.publish()
    Item.objects.filter(pk__in=[world.item(2, 1).pk, world.item(5, 3).pk]).update(title=TITLE)
    events = Feedback.objects.filter(visitor=visitor).order_by("-time")
    moment = timezone.localtime(events[4].time) - timedelta(seconds=30)
    asked = {"visitor": "grace", "a": world.version.pk, "b": first.pk, "until": f"{moment:%Y-%m-%dT%H:%M:%S}"}
    return f"{reverse('admin:mtrec_preview', args=[world.scenario.pk])}?{urlencode(asked)}"


@pytest.fixture
def drafted(full: dict[str, Any]) -> str:
    """An experiment that has not begun, in a scenario with a pin: its address."""
    draft = Experiment.objects.create(scenario=full["scenario"], name="A draft")
    for name in ("control", "variant"):
        Arm.objects.create(experiment=draft, name=name, share=1)
    Pin.objects.create(scenario=full["scenario"], item=full["item"], position=1)
    return reverse("admin:mtrec_experiment_change", args=[draft.pk])


def addresses(full: dict[str, Any]) -> dict[str, str]:
    """Every page of the app's admin, by a name: the lists, forms and rows of all registered models, and the others."""
    scenario, version, batch = full["scenario"], full["modelversion"], full["batch"]
    found = {
        "index": reverse("admin:app_list", args=["mtrec"]),
        "preview": reverse("admin:mtrec_preview", args=[scenario.pk]) + "?visitor=ada",
        "compare": reverse("admin:mtrec_modelversion_compare") + f"?a={version.pk}&b={version.pk}",
    }
    for model in apps.get_app_config("mtrec").get_models():
        if not admin.site.is_registered(model):
            continue
        name = model._meta.model_name
        found[f"{name} list"] = reverse(f"admin:mtrec_{name}_changelist")
        row = full.get(str(name)) or model._default_manager.first()
        if row is not None:
            found[name or ""] = reverse(f"admin:mtrec_{name}_change", args=[row.pk])
            found[f"{name} history"] = reverse(f"admin:mtrec_{name}_history", args=[row.pk])
    found["scenario form"] = reverse("admin:mtrec_scenario_add")
    found["base"] = reverse("admin:mtrec_modelversion_change", args=[version.parent_id])
    found["batch that goes on"] = reverse(
        "admin:mtrec_batch_change", args=[Batch.objects.exclude(pk=batch.pk).get().pk]
    )
    return found


@pytest.fixture
def context(look: str, browser: Browser, live_server: LiveServer, boss: Client) -> Iterator[BrowserContext]:
    """The browser of somebody who may do everything."""
    opened = browser.new_context(**LOOKS[look])
    ((name, cookie),) = boss.cookies.items()
    opened.add_cookies([{"name": name, "value": cookie.value, "url": live_server.url}])
    yield opened
    opened.close()


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_for_everybody(
    look: str, context: BrowserContext, live_server: LiveServer, full: dict[str, Any], rehearsed: str, drafted: str
) -> None:
    Item.objects.update(image="/static/admin/img/icon-viewlink.svg")  # one that is there
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    pages = addresses(full) | {"preview filled": rehearsed, "experiment draft": drafted}
    for name, address in pages.items():
        answer = page.goto(live_server.url + address)
        assert answer is not None and answer.ok, (name, answer and answer.status)
        complaints += [f"{name}: {finding}" for finding in findings(page)]
        complaints += [f"{name}: wider than the window"] if overflows(page) else []
        if name == "preview filled":
            complaints += lacking(page)
        keep(page, f"{name} {look}")
    assert complaints == []


@pytest.mark.parametrize("look", ["phone"])
def test_it_is_for_those_who_read_chinese(
    look: str,
    context: BrowserContext,
    live_server: LiveServer,
    full: dict[str, Any],
    rehearsed: str,
    settings: Any,
) -> None:
    settings.LANGUAGE_CODE = "zh-hans"
    page = context.new_page()
    for name, address, heading in (
        ("index", reverse("admin:app_list", args=["mtrec"]), "需要关注"),
        ("preview", rehearsed, "该访客之后的行为"),
    ):
        page.goto(live_server.url + address)
        assert page.get_by_role("heading", name=heading).count() == 1
        assert not overflows(page)
        keep(page, f"{name} chinese")


def findings(page: Page) -> list[str]:
    """What axe-core finds serious or critical in our part of a page; the rest is Django's own."""
    results = Axe().run(page, context="#container" if page.locator("#container").count() else None)
    return [
        f"{found['id']}: {node['html'][:200]}"
        for found in results.response["violations"]
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]


def lacking(page: Page) -> list[str]:
    """What a preview of two versions beside what came after does not show, though there is some of it."""
    wanted = {"ol.mtrec-shown": 2, "ol.mtrec-shown .mtrec-succeeded": 1, "ol.mtrec-shown img": 12, "#mtrec-after": 1}
    return [f"preview: no {what}" for what, least in wanted.items() if page.locator(what).count() < least]


def overflows(page: Page) -> bool:
    """Whether a reader has to scroll the whole page sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"))
