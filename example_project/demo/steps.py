"""The steps from an empty folder to a shop that recommends. Each looks at the database to see whether it is done."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command

from mtrec_django.management.progress import progress_bar
from mtrec_django.models import Feedback, Item, Run
from mtrec_django.queueing import send_light
from mtrec_django.tasks import catch_up, scores

from ..shop.loading import load_shop
from ..shop.models import Order, Product

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is called, whether it is done, how it is done."""

    title: str
    is_done: Callable[[], bool]
    run: Callable[[], Any]


def make_admin(password: str) -> None:
    """An account for the admin, with the password of this demo."""
    user, _ = User.objects.get_or_create(username=ADMIN, defaults={"is_staff": True, "is_superuser": True})
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])


def fill_shop(stdout: Any) -> None:
    """Write products, customers and orders."""
    with progress_bar(stdout) as report:
        report("Reading the orders", 0, 0)
        load_shop(report=lambda done, total: report("Writing order lines", done, total))


def is_synced() -> bool:
    """Whether every product is an item. Texts and later changes are the worker's matter."""
    return 0 < Product.objects.count() <= Item.objects.filter(source="shop.product").count()


def encode_meanwhile() -> None:
    """Have the worker encode the texts while the history is imported; the training would only do it later."""
    send_light("mtrec.encode")


def import_history() -> None:
    """Write the old orders as events, and count what is popular, so that the shop can show it at once."""
    call_command("mtrec_import", "--history")
    scores()


def is_imported() -> bool:
    """Whether the newest of the old orders is among the events: they are written oldest first, and on commit."""
    newest = Order.objects.historic().order_by("-placed_at").values_list("placed_at", flat=True).first()
    return newest is not None and Feedback.objects.filter(kind="purchase", time=newest).exists()


def is_trained() -> bool:
    """Whether a base training and every transfer it asked for have come to a good end."""
    return _trained() is not None and not _cut_off() and not Run.objects.unfinished().exists()


def _trained() -> Run | None:
    """The last base training that ended well."""
    return Run.objects.filter(kind=Run.Kind.TRAIN, status=Run.Status.SUCCEEDED).order_by("pk").last()


def _cut_off() -> set[str]:
    """Names of the scenarios whose transfer was asked for and never ended well."""
    run = _trained()
    asked = Run.objects.filter(pk__in=run.report.get("asked_for", []) if run else [])
    ended = Run.objects.filter(kind=Run.Kind.TRANSFER, status=Run.Status.SUCCEEDED, pk__gt=run.pk if run else 0)
    return set(asked.values_list("scenario__name", flat=True)) - set(ended.values_list("scenario__name", flat=True))


def train() -> None:
    """Have the worker train what is missing, and watch it."""
    catch_up()  # fails the runs of a killed worker, and sends what could not be sent
    if _trained() is None:
        call_command("mtrec_train", "--wait")
    elif names := _cut_off():
        call_command("mtrec_transfer", *sorted(names), "--wait")


def fetch(url: str, seconds: float = 10) -> str:
    """A page of the demo as text; empty when it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:  # noqa: S310 - the demo's own address
            return str(answer.read().decode())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return ""


def recommends(page: str) -> bool:
    """Whether a page shows recommendations of the home scenario."""
    return 'data-scenario="home"' in page and "/mtrec/go/" in page
