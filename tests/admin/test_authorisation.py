"""Who may open which page and press which button: every address of the admin, by everybody who may try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.urls import reverse

from mtrec_django.models import Arm, Experiment
from tests.addresses import addresses, arguments, trace

USUAL = ("changelist", "add", "history", "delete", "change")
"""Pages that Django makes; their permissions are those of their model."""

VIEW = "view_scenario"

NEEDS = {
    "mtrec_answerday_csv": {"view_answerday", "change_answerday"},
    "mtrec_dashboard": {VIEW, "change_scenario"},
    "mtrec_preview": {VIEW, "change_scenario"},
    "mtrec_batch_cancel": {"train_model"},
    "mtrec_batch_csv": {"view_batchlist"},
    "mtrec_batch_progress": {"view_batch", "change_batch"},
    "mtrec_train": {"train_model"},
    "mtrec_transfer": {"train_model"},
    "mtrec_roll_back": {"publish_model"},
    "mtrec_publish": {"publish_model"},
    "mtrec_experiment_start": {"publish_model"},
    "mtrec_experiment_end": {"publish_model"},
    "mtrec_experiment_adopt": {"publish_model"},
    "mtrec_run_cancel": {"train_model"},
    "mtrec_run_progress": {"view_run", "change_run"},
    "mtrec_modelversion_compare": {"view_modelversion", "change_modelversion"},
}
"""Every other page and button, with the permissions of which any one opens it. A new one must be written down here."""

PAGES = {
    "mtrec_answerday_csv",
    "mtrec_batch_csv",
    "mtrec_batch_progress",
    "mtrec_modelversion_compare",
    "mtrec_preview",
    "mtrec_run_progress",
}
"""Those of them that are only looked at."""


def ours() -> dict[str, list[str]]:
    """Every address of the app in the admin, with the names of its arguments."""
    return {
        name.removeprefix("admin:"): arguments(pattern)
        for name, pattern in addresses()
        if name.startswith("admin:mtrec_")
    }


def special() -> list[str]:
    return [name for name in ours() if not name.endswith(tuple(f"_{usual}" for usual in USUAL))]


@pytest.fixture
def rows(full: dict[str, Any], home: Any) -> dict[str, Any]:
    """Rows of every model by its name."""
    experiment = Experiment.objects.create(scenario=home, name="More variety")
    for name in ("control", "varied"):
        Arm.objects.create(experiment=experiment, name=name)
    return full | {"experiment": experiment}


def url(name: str, rows: dict[str, Any]) -> str:
    """The address with a row that is."""
    if not ours()[name]:
        query = "?a={0}&b={0}".format(rows["modelversion"].pk) if name.endswith("compare") else ""
        return reverse(f"admin:{name}") + query
    words = name.removeprefix("mtrec_").split("_")
    of = {"transfer": "scenario", "roll": "scenario", "preview": "scenario", "publish": "modelversion"}
    row = rows.get(of.get(words[0], words[0]))
    return reverse(f"admin:{name}", args=[row.pk if row is not None else 1])


def try_all(client: Client, rows: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Open and press everything; what it did is taken back."""
    for name in ours():
        for method in ("get", "post"):
            point = transaction.savepoint()
            yield name, method, getattr(client, method)(url(name, rows))
            transaction.savepoint_rollback(point)


def test_the_matrix_holds_every_address() -> None:
    assert sorted(special()) == sorted(NEEDS), "Say in NEEDS who may call it."


@pytest.mark.parametrize("signed_in", [False, True])
def test_customers_and_strangers_get_nowhere(signed_in: bool, rows: dict[str, Any], client: Client) -> None:
    if signed_in:
        client.force_login(get_user_model().objects.create_user("customer"))
    before = trace()
    for name, method, response in try_all(client, rows):
        assert response.status_code == 302, (name, method)
        assert response["Location"].startswith(reverse("admin:login")), (name, method)
        assert trace() == before, (name, method)


def test_staff_without_a_permission_get_nowhere(rows: dict[str, Any], staff: Callable[..., Client]) -> None:
    before = trace()
    for name, method, response in try_all(staff(), rows):
        dead_end = response.status_code == 302 and response["Location"] in (
            reverse("admin:index"),
            reverse("admin:app_list", args=["mtrec"]),
        )
        assert dead_end or response.status_code in (403, 404, 405), (name, method)
        assert trace() == before, (name, method)


def test_those_who_may_look_change_nothing(rows: dict[str, Any], staff: Callable[..., Client]) -> None:
    client = staff("view_scenario")
    onlooker = get_user_model().objects.get(username="staff view_scenario")
    onlooker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    before = trace()
    for name, method, response in try_all(client, rows):
        if name.endswith(("_add", "_delete")):
            assert response.status_code == 403, (name, method)
        assert trace() == before, (name, method)


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_each_button_has_its_permission(name: str, rows: dict[str, Any], staff: Callable[..., Client]) -> None:
    method = "get" if name in PAGES or name == "mtrec_dashboard" else "post"
    concerned = ("scenario", "modelversion", "run", "visitor", "experiment", "answerday", "batch", "batchlist")
    codes = [f"{way}_{model}" for model in concerned for way in ("view", "change")]
    codes += ["train_model", "publish_model", "act_for_visitor"]
    known = set(
        Permission.objects.filter(content_type__app_label="mtrec", codename__in=codes).values_list(
            "codename", flat=True
        )
    )
    opened = set()
    for code in sorted(known):
        point = transaction.savepoint()
        response = getattr(staff(code), method)(url(name, rows), follow=name == "mtrec_dashboard")
        if response.status_code not in (403, 404):
            opened.add(code)
        transaction.savepoint_rollback(point)
    if name == "mtrec_dashboard":  # a name for the app's page, which anybody sees who may see anything in it
        assert opened >= NEEDS[name]
    else:
        assert opened == NEEDS[name]


@pytest.mark.parametrize("name", sorted(set(NEEDS) - PAGES - {"mtrec_dashboard"}))
def test_no_button_is_pressed_by_a_link_or_from_elsewhere(name: str, rows: dict[str, Any], boss: Client) -> None:
    assert boss.get(url(name, rows)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.get(username="boss"))
    before = trace()
    assert strict.post(url(name, rows)).status_code == 403
    assert trace() == before
