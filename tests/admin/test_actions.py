"""Buttons: who may press them, how, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from mtrec_django import queueing
from mtrec_django.models import ModelVersion, Run, Scenario

from .conftest import make_version

TRAIN = ("train", "transfer", "run_cancel")
PUBLISH = ("publish", "roll_back")


@pytest.fixture
def urls(home: Scenario, base: ModelVersion) -> dict[str, str]:
    """Every button, with a row it could work on."""
    first = make_version()
    first.publish([home])
    base.publish([home])
    run = Run.objects.create(kind="sync")
    return {
        "train": reverse("admin:mtrec_train"),
        "transfer": reverse("admin:mtrec_transfer", args=[home.pk]),
        "run_cancel": reverse("admin:mtrec_run_cancel", args=[run.pk]),
        "publish": reverse("admin:mtrec_publish", args=[first.pk]),
        "roll_back": reverse("admin:mtrec_roll_back", args=[home.pk]),
    }


def changes() -> tuple[int, list[int | None], list[str]]:
    """All that a button may change."""
    live = list(Scenario.objects.values_list("live_version", flat=True))
    return Run.objects.count(), live, list(Run.objects.order_by("pk").values_list("status", flat=True))


def said(response: object) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*TRAIN, *PUBLISH])
def test_anonymous_is_sent_to_sign_in(name: str, urls: dict[str, str], client: Client) -> None:
    before = changes()
    response = client.post(urls[name])
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))
    assert changes() == before


@pytest.mark.parametrize("name", [*TRAIN, *PUBLISH])
def test_a_customer_is_sent_to_sign_in(name: str, urls: dict[str, str], client: Client) -> None:
    client.force_login(get_user_model().objects.create_user("customer"))
    before = changes()
    assert client.post(urls[name]).status_code == 302
    assert changes() == before


@pytest.mark.parametrize("name", [*TRAIN, *PUBLISH])
def test_staff_without_the_permission_is_refused(name: str, urls: dict[str, str], staff: Callable[..., Client]) -> None:
    other = "publish_model" if name in TRAIN else "train_model"
    looks = ("view_scenario", "view_modelversion", "view_run", "change_scenario")
    before = changes()
    assert staff(*looks).post(urls[name]).status_code == 403
    assert staff(*looks, other).post(urls[name]).status_code == 403
    assert changes() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", [*TRAIN, *PUBLISH])
def test_staff_with_the_permission_may(name: str, urls: dict[str, str], staff: Callable[..., Client]) -> None:
    client = staff("train_model" if name in TRAIN else "publish_model")
    before = changes()
    response = client.post(urls[name])
    assert response.status_code == 302
    assert changes() != before, said(response)
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("name", [*TRAIN, *PUBLISH])
def test_a_get_is_no_press(name: str, urls: dict[str, str], boss: Client) -> None:
    before = changes()
    assert boss.get(urls[name]).status_code == 405
    assert changes() == before


@pytest.mark.parametrize("name", [*TRAIN, *PUBLISH])
def test_a_press_needs_the_csrf_token(name: str, urls: dict[str, str], boss: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies
    before = changes()
    assert strict.post(urls[name]).status_code == 403
    assert changes() == before


def test_an_unknown_row_is_not_found(boss: Client) -> None:
    assert boss.post(reverse("admin:mtrec_transfer", args=[404])).status_code == 404
    assert boss.post(reverse("admin:mtrec_publish", args=["nonsense"])).status_code == 404


def test_back_to_where_it_was_pressed_but_never_to_another_site(urls: dict[str, str], boss: Client) -> None:
    page = reverse("admin:mtrec_run_changelist")
    assert boss.post(urls["train"], {"next": page})["Location"] == page
    front = reverse("admin:app_list", args=["mtrec"])
    assert boss.post(urls["train"], {"next": "https://evil.example/"})["Location"] == front
    assert boss.post(urls["train"], {"next": "//evil.example/"})["Location"] == front


def test_a_training_that_is_going_is_not_asked_for_twice(urls: dict[str, str], boss: Client) -> None:
    boss.post(urls["train"])
    response = boss.post(urls["train"])
    assert "being worked on already" in said(response)
    assert Run.objects.filter(kind="train").count() == 1
    assert Run.objects.get(kind="train").requested_by == get_user_model().objects.get(username="boss")


@pytest.mark.django_db(transaction=True)
def test_with_the_broker_down_the_run_waits_and_the_page_says_so(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "_apply", lambda name, args, queue: None)
    response = boss.post(reverse("admin:mtrec_train"))
    assert response.status_code == 302
    assert "the queue cannot be reached" in said(response)
    assert Run.objects.get().status == "queued"


def test_the_message_leads_to_the_run(urls: dict[str, str], boss: Client) -> None:
    response = boss.post(urls["transfer"])
    run = Run.objects.get(kind="transfer")
    assert reverse("admin:mtrec_run_change", args=[run.pk]) in said(response)
    assert LogEntry.objects.get().object_id == str(run.pk)
