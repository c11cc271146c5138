"""The commands around runs and versions: what they say, and how they end."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from mtrec_django.catalog.sync import item_for, sync
from mtrec_django.events.history import import_events
from mtrec_django.models import Feedback, ModelVersion, Run, Scenario, Visitor
from tests.jobs.worlds import make_events, make_products

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world(settings):
    settings.MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 2}, "THREADS": 1}
    settings.CELERY_TASK_ALWAYS_EAGER = False
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")
    return halves


def called(*args: str, **options: object) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def test_training_here_ends_with_a_version_and_says_why() -> None:
    said = called("mtrec_train", "--here")
    version = ModelVersion.objects.filter(kind="base").get()
    assert "succeeded" in said
    assert version.reason in said
    asked = Run.objects.filter(kind="transfer").count()
    assert asked == (1 if version.publishable else 0)


def test_a_failed_training_makes_the_command_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from mtrec_django.jobs import training

    def explode(*args: object, **kwargs: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(training, "fit", explode)
    with pytest.raises(MemoryError):
        called("mtrec_train", "--here")
    assert Run.objects.get().status == Run.Status.FAILED


def test_a_transfer_of_no_scenario_or_an_unknown_one_is_refused() -> None:
    with pytest.raises(CommandError, match="name a scenario"):
        called("mtrec_transfer")
    with pytest.raises(CommandError, match="no scenario named nowhere"):
        called("mtrec_transfer", "nowhere")


def test_status_tells_what_is_live() -> None:
    status = json.loads(called("mtrec_status", "--json"))
    assert (status["items"], status["feedback"]) == (24, 480)
    assert [row["live"] for row in status["scenarios"]] == [None]
    assert "no version yet" in called("mtrec_status")
    version = ModelVersion.objects.create(kind="base", status="ready", reason="won by a mile")
    version.publish()
    assert "won by a mile" in called("mtrec_status")


def test_prune_says_what_it_would_do_and_does_it() -> None:
    assert "Nothing" in called("mtrec_prune")
    old, *_ = (ModelVersion.objects.create(kind="base", status="ready") for _ in range(3))
    assert f"Would drop v{old.pk}" in called("mtrec_prune", "--dry-run")
    assert json.loads(called("mtrec_prune", "--json")) == {"versions": [old.pk], "rows": {}, "dry_run": False}
    old.refresh_from_db()
    assert old.status == "pruned"


def test_recommend_shows_a_list_with_reasons_and_stores_nothing() -> None:
    before = Feedback.objects.count(), Visitor.objects.count()
    rows = json.loads(called("mtrec_recommend", "home", "-n", "5", "--json"))
    assert [row["position"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(row["source"] for row in rows)
    assert "  1. " in called("mtrec_recommend", "home", "--visitor", "visitor-3")
    assert (Feedback.objects.count(), Visitor.objects.count()) == before


def test_recommend_leaves_out_the_object_on_the_page(world) -> None:
    product = world["garden"][0]
    rows = json.loads(
        called("mtrec_recommend", "home", "-n", "24", "--item", f"testsite.product:{product.sku}", "--json")
    )
    assert item_for(product) is not None
    assert product.title not in [row["object"] for row in rows]
    assert len(rows) == 23


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere"],
        ["home", "--user", "nobody"],
        ["home", "--visitor", "nobody"],
        ["home", "--item", "testsite.product:nothing"],
        ["home", "--item", "nonsense"],
    ],
)
def test_recommend_refuses_what_is_not_there(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        called("mtrec_recommend", *arguments)
