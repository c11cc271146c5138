"""From the site's tables through the learner into the tables that serve, on a world whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from mtrec_django import jobs
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.exceptions import RunBusy
from mtrec_django.jobs.training import load_version
from mtrec_django.models import Item, ItemContent, ItemScore, ItemVector, ModelVersion, Run, Scenario, VersionFile
from mtrec_django.queueing import enqueue
from mtrec_django.retrieval import store

from .worlds import make_events, make_products

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(settings) -> None:
    settings.MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 3}, "THREADS": 1}


@pytest.fixture
def world(db: None):
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
    halves = make_products()
    sync(["testsite.product"])
    report = import_events(make_events(halves), "testsite.product")
    assert report.imported == 480
    return halves


def test_a_run_ends_with_a_version_that_serves(world) -> None:
    seen: list[str] = []
    run = enqueue(Run.Kind.TRAIN, here=True, transfers=False)
    jobs.train(run.pk, watch=lambda step, done, total: seen.append(step))
    run.refresh_from_db()
    version = run.version
    assert run.status == Run.Status.SUCCEEDED, run.error
    assert version is not None
    assert version.status == ModelVersion.Status.READY
    assert version.metrics["home"].keys() >= {"ours", "popularity", "itemknn"}
    assert version.reason
    assert version.events == 480
    assert ItemVector.objects.filter(version=version).count() == Item.objects.count() == 24
    assert {file.name for file in version.files.all()} == {"artifact", "state"}
    assert ItemContent.objects.count() == 24
    assert ItemScore.objects.filter(scenario__name="home").count() == 24
    assert len(set(seen)) > 4


def test_the_two_halves_are_told_apart(world) -> None:
    version = jobs.train().version
    vectors = dict(ItemVector.objects.filter(version=version).values_list("item__title", "vector"))
    halves = {
        half: np.stack([np.asarray(vector) for title, vector in vectors.items() if title.startswith(half)]).astype(
            float
        )
        for half in ("garden", "kitchen")
    }
    within = np.mean([np.mean(rows @ rows.T) for rows in halves.values()])
    across = np.mean(halves["garden"] @ halves["kitchen"].T)
    assert within > across + 0.2


def test_a_version_that_loses_stays_out(world, monkeypatch) -> None:
    from mtrec_django.jobs import training

    def lose(*args, **kwargs):
        trained = fit(*args, **kwargs)
        trained.report["decision"] = {"publish": False, "reason": "does not beat popularity"}
        return trained

    fit = training.fit
    monkeypatch.setattr(training, "fit", lose)
    run = jobs.train()
    assert run.version.status == ModelVersion.Status.READY
    assert run.version.reason == "does not beat popularity"
    assert Scenario.objects.get(name="home").live_version is None


def test_a_failure_leaves_a_reason_and_no_vectors(world, monkeypatch) -> None:
    from mtrec_django.jobs import training

    def explode(*args, **kwargs):
        raise MemoryError("no more")

    monkeypatch.setattr(training, "save_trained", explode)
    with pytest.raises(MemoryError):
        jobs.train()
    run = Run.objects.get()
    assert (run.status, run.error) == (Run.Status.FAILED, "MemoryError: no more")
    assert run.version.status in (ModelVersion.Status.FAILED, ModelVersion.Status.PRUNED)
    assert store.stored() == set()


def test_a_training_that_died_is_taken_up_where_it_stood(world) -> None:
    def die(step: str, done: int, total: int) -> None:
        if step == "train" and done >= total / 2:
            raise SystemExit("killed")

    with pytest.raises(SystemExit):
        jobs.train(watch=die)
    dead = ModelVersion.objects.get()
    assert [file.name for file in dead.files.all()] == ["checkpoint"]
    jobs.prune()
    assert dead.files.exists()

    seen: list[int] = []
    version = jobs.train(watch=lambda step, done, total: seen.append(done) if step == "train" else None).version
    assert seen[0] > 0
    assert len(version.report["epochs"]) == 3
    assert not VersionFile.objects.filter(name="checkpoint").exists()


def test_a_cancelled_run_stops(world) -> None:
    run = enqueue(Run.Kind.TRAIN, here=True)

    def cancel(step: str, done: int, total: int) -> None:
        Run.objects.filter(pk=run.pk).update(cancel_requested=True)

    jobs.train(run.pk, watch=cancel)
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED
    assert not ModelVersion.objects.filter(status=ModelVersion.Status.READY).exists()


def test_a_run_that_ended_is_not_run_again(world) -> None:
    run = Run.objects.create(kind=Run.Kind.TRAIN, status=Run.Status.SUCCEEDED)
    with pytest.raises(RunBusy):
        jobs.train(run.pk)


def test_a_transfer_is_a_child_of_the_live_base(world) -> None:
    base = jobs.train().version
    base.publish()
    run = jobs.transfer(scenario="home")
    assert run.version.parent == base
    assert run.version.metrics["home"].keys() >= {"transfer", "base"}
    live = Scenario.objects.get(name="home").live_version
    assert live == (run.version if run.version.publishable else base)


def test_a_transfer_without_a_base_says_so(world) -> None:
    with pytest.raises(LookupError, match="train one first"):
        jobs.transfer(scenario="home")
    assert Run.objects.get().status == Run.Status.FAILED


def test_a_stored_version_comes_back_as_it_was(world) -> None:
    version = jobs.train().version
    trained = load_version(version)
    stored = dict(ItemVector.objects.filter(version=version).values_list("item_id", "vector"))
    for item, vector in zip(trained.item_ids.tolist(), trained.vectors, strict=True):
        assert np.allclose(stored[item], vector, atol=2e-3)


def test_a_new_item_joins_the_live_version_beside_its_like(world) -> None:
    version = jobs.train().version
    version.publish()
    product = world["garden"][0]
    product.pk, product.sku, product.title = None, "garden-new", "garden rake large"
    product.save()
    sync(["testsite.product"])
    assert jobs.encode_items() == 1
    assert jobs.place_new_items() == 1
    assert jobs.place_new_items() == 0
    vectors = dict(ItemVector.objects.filter(version=version).values_list("item__title", "vector"))
    new = np.asarray(vectors.pop("garden rake large"))
    nearest = max(vectors, key=lambda title: float(np.asarray(vectors[title]) @ new))
    assert nearest.startswith("garden")


def test_unchanged_text_is_never_encoded_again(world) -> None:
    assert jobs.encode_items() == 24
    assert jobs.encode_items() == 0
    product_model = type(world["garden"][0])
    product_model.objects.filter(sku="garden-1").update(title="garden spade of steel")
    sync(["testsite.product"])
    assert jobs.encode_items() == 1
