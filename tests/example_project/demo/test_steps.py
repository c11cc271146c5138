from __future__ import annotations

import pytest

from example_project.demo import steps
from example_project.shop.models import Product
from mtrec_django.models import Feedback, Run, Scenario

Kind, Status = Run.Kind, Run.Status


def test_steps_know_from_the_database_what_is_done(shop: dict[str, Product]) -> None:
    assert steps.is_synced()
    assert steps.is_imported()
    assert not steps.is_trained()

    Feedback.objects.order_by("-time").first().delete()
    assert not steps.is_imported()  # the newest event is written last


@pytest.mark.parametrize(
    ("train", "transfer", "done"),
    [
        (Status.FAILED, None, False),
        (Status.SUCCEEDED, Status.FAILED, False),
        (Status.SUCCEEDED, Status.QUEUED, False),
        (Status.SUCCEEDED, Status.SUCCEEDED, True),
        (Status.SUCCEEDED, None, True),  # the base did not win, so nothing was asked for
    ],
)
def test_a_training_is_done_when_all_it_asked_for_is(
    shop: dict[str, Product], train: str, transfer: str | None, done: bool
) -> None:
    run = Run.objects.create(kind=Kind.TRAIN, status=train)
    if transfer:
        child = Run.objects.create(kind=Kind.TRANSFER, scenario=Scenario.objects.get(name="basket"), status=transfer)
        run.report = {"asked_for": [child.pk]}
        run.save()

    assert steps.is_trained() is done


def test_a_transfer_that_was_cut_off_and_done_again_is_done(shop: dict[str, Product]) -> None:
    basket = Scenario.objects.get(name="basket")
    run = Run.objects.create(kind=Kind.TRAIN, status=Status.SUCCEEDED)
    child = Run.objects.create(kind=Kind.TRANSFER, scenario=basket, status=Status.FAILED)
    Run.objects.filter(pk=run.pk).update(report={"asked_for": [child.pk]})
    Run.objects.create(kind=Kind.TRANSFER, scenario=basket, status=Status.SUCCEEDED)

    assert steps.is_trained()


def test_the_admin_has_the_password_of_this_demo(db: None) -> None:
    steps.make_admin("first")
    steps.make_admin("second")

    from django.contrib.auth.models import User

    admin = User.objects.get()
    assert admin.check_password("second")
    assert admin.is_superuser
    assert admin.is_staff


def test_a_page_recommends_when_the_list_and_its_links_are_on_it() -> None:
    assert steps.recommends('<section data-scenario="home"><a href="/mtrec/go/x/">')
    assert not steps.recommends("<h1>Server Error</h1>")
    assert steps.fetch("http://127.0.0.1:9/") == ""
