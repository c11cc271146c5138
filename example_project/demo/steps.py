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
from mtrec_django.models import Feedback, Item, ModelVersion, Run
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


def import_history() -> None:
    """Write the old orders as events, and count what is popular, so that the shop can show it at once."""
    call_command("mtrec_import", "--history")
    scores()


def is_imported() -> bool:
    """Whether the newest of the old orders is among the events: they are written oldest first, and on commit."""
    newest = Order.objects.historic().order_by("-placed_at").values_list("placed_at", flat=True).first()
    return newest is not None and Feedback.objects.filter(kind="purchase", time=newest).exists()


def is_trained() -> bool:
    """Whether a base training and all transfers it asked for have come to an end."""
    run = Run.objects.filter(kind=Run.Kind.TRAIN, status=Run.Status.SUCCEEDED).order_by("-pk").first()
    if run is None or not ModelVersion.objects.exists():
        return False
    return not Run.objects.unfinished().filter(kind__in=[Run.Kind.TRAIN, Run.Kind.TRANSFER]).exists()


def train() -> None:
    """Have the worker train what is missing, and watch it."""
    catch_up()  # fails the runs of a killed worker, and sends what could not be sent
    if Run.objects.filter(kind=Run.Kind.TRAIN, status=Run.Status.SUCCEEDED).exists():
        call_command("mtrec_transfer", "--all", "--wait")  # the base is there, its transfers were cut off
    else:
        call_command("mtrec_train", "--wait")


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
