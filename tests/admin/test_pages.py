"""Every page renders, empty and full, to whoever may see it and to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mtrec_django.models import Feedback

PAGES = [
    "batch",
    "erasure",
    "feedback",
    "item",
    "modelversion",
    "publication",
    "recommendation",
    "relation",
    "run",
    "scenario",
    "visitor",
]


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_list_renders(name: str, boss: Client) -> None:
    assert boss.get(reverse(f"admin:mtrec_{name}_changelist")).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_a_full_list_and_its_row_render(name: str, boss: Client, full: dict[str, Any]) -> None:
    page = boss.get(reverse(f"admin:mtrec_{name}_changelist")).content.decode()
    change = reverse(f"admin:mtrec_{name}_change", args=[full[name].pk])
    assert f'href="{change}"' in page
    assert boss.get(change).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_a_list_can_be_searched(name: str, boss: Client, full: dict[str, Any]) -> None:
    for term in ("ada", "1", str(full["visitor"].key), "nothing like it", "\x00", "%"):
        assert boss.get(reverse(f"admin:mtrec_{name}_changelist"), {"q": term}).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_view_permission_shows_and_changes_nothing(name: str, staff: Callable[..., Client], full: Any) -> None:
    client = staff(f"view_{name}")
    change = reverse(f"admin:mtrec_{name}_change", args=[full[name].pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {}).status_code == 403
    assert client.post(reverse(f"admin:mtrec_{name}_delete", args=[full[name].pk]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("name", PAGES)
def test_nobody_else_sees_it(name: str, staff: Callable[..., Client], full: dict[str, Any], client: Client) -> None:
    pages = [
        reverse(f"admin:mtrec_{name}_changelist"),
        reverse(f"admin:mtrec_{name}_change", args=[full[name].pk]),
    ]
    stranger = staff()
    for page in pages:
        assert client.get(page).status_code == 302
        assert stranger.get(page).status_code == 403


@pytest.mark.parametrize("name", [name for name in PAGES if name != "scenario"])
def test_what_the_package_writes_nobody_edits(name: str, boss: Client, full: dict[str, Any]) -> None:
    assert boss.get(reverse(f"admin:mtrec_{name}_add")).status_code == 403
    assert boss.post(reverse(f"admin:mtrec_{name}_delete", args=[full[name].pk]), {"post": "yes"}).status_code == 403


def test_feedback_is_found_by_visitor_and_by_item(boss: Client, full: dict[str, Any]) -> None:
    change = reverse("admin:mtrec_feedback_change", args=[full["feedback"].pk])
    found = reverse("admin:mtrec_feedback_changelist")
    for term in ("ada", str(full["visitor"].key), full["item"].object_id):
        assert change in boss.get(found, {"q": term}).content.decode()
    assert change not in boss.get(found, {"q": "nobody"}).content.decode()


def test_a_visitor_has_his_latest_events_in_the_time_of_the_site(
    boss: Client, full: dict[str, Any], settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    Feedback.objects.update(time=datetime(2026, 5, 1, 20, 30, tzinfo=UTC))
    page = boss.get(reverse("admin:mtrec_visitor_change", args=[full["visitor"].pk])).content.decode()
    assert "2026-05-02 04:30 · click · <a" in page


def test_an_item_is_found_by_title_and_by_id(boss: Client, full: dict[str, Any]) -> None:
    change = reverse("admin:mtrec_item_change", args=[full["item"].pk])
    for term in ("te", full["item"].object_id):
        assert change in boss.get(reverse("admin:mtrec_item_changelist"), {"q": term}).content.decode()
    assert change not in boss.get(reverse("admin:mtrec_item_changelist"), {"q": "coffee"}).content.decode()


@pytest.mark.parametrize(
    ("name", "query", "shown"),
    [
        ("feedback", {"recommended": "yes"}, True),
        ("feedback", {"recommended": "no"}, False),
        ("feedback", {"recommended": "maybe"}, True),
        ("visitor", {"signed_in": "no"}, True),
        ("visitor", {"signed_in": "yes"}, False),
        ("item", {"available__exact": "0"}, False),
        ("run", {"status__exact": "failed"}, True),
        ("recommendation", {"scenario__id__exact": "0"}, False),
    ],
)
def test_filters(name: str, query: dict[str, str], shown: bool, boss: Client, full: dict[str, Any]) -> None:
    page = boss.get(reverse(f"admin:mtrec_{name}_changelist"), query).content.decode()
    assert (reverse(f"admin:mtrec_{name}_change", args=[full[name].pk]) in page) is shown
