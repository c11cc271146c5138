"""Somebody is erased, and nothing is left of him: not in a table, not in a file, not in what is learned next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from mtrec_django import jobs
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.events.relations import set_relation
from mtrec_django.events.tracking import track_visitor
from mtrec_django.events.visitors import merge, references
from mtrec_django.jobs import training
from mtrec_django.jobs.checkpoints import InDatabase
from mtrec_django.models import Erasure, Feedback, ModelVersion, Recommendation, Relation, Scenario, Visitor
from mtrec_django.models.erasures import is_genuine
from mtrec_django.testing import make_visitor
from tests.site.making import make_product
from tests.traces import traces

from .worlds import make_events, make_products

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Visitor:
    """Somebody with everything that a visitor can have."""
    user = get_user_model().objects.create_user("ann-of-the-tests")
    guest = make_visitor(features={"town": "Xyzzyville"}, external_id="customer-xyzzy-17")
    ann, friend = make_visitor(user), make_visitor()
    product = make_product()
    shown = Recommendation.objects.create(visitor=ann, items=[1], sources=["popular"], scores=[1.0])
    before = Recommendation.objects.create(visitor=None, items=[1], sources=["popular"], scores=[1.0])
    track_visitor(guest, "view", product, recommendation=before, key="xyzzy-key")
    track_visitor(ann, "purchase", product, recommendation=shown, basket="order-xyzzy")
    track_visitor(friend, "click", product, recommendation=shown)  # a link that was passed on
    set_relation(ann, friend)
    set_relation(friend, ann, "follows")
    merge(guest, ann)
    ann.refresh_from_db()
    return ann


def words_of(visitor: Visitor) -> list[str]:
    """What would give him away."""
    answers = Feedback.objects.filter(visitor=visitor).values_list("recommendation", flat=True)
    keys = Feedback.objects.filter(visitor=visitor, key__isnull=False).values_list("key", flat=True)
    shown = Recommendation.objects.filter(visitor=visitor).values_list("pk", flat=True)
    ids = [visitor.key, *answers, *keys, *shown]
    return ["xyzzy", "Xyzzyville", *map(str, ids), *(each.hex for each in ids if each)]


def test_nothing_is_left_in_any_table(ann: Visitor) -> None:
    words, pk = words_of(ann), ann.pk
    assert {"mtrec_visitor.features", "mtrec_visitor.external_id", "mtrec_feedback.basket"} <= traces(words)
    jobs.erase(ann)
    assert traces(words) == set()
    assert not any(model._default_manager.filter(**{f"{field}_id": pk}).exists() for model, field in references())


def test_others_keep_what_is_theirs(ann: Visitor) -> None:
    jobs.erase(ann)
    assert list(Feedback.objects.values_list("kind", "recommendation")) == [("click", None)]
    assert Visitor.objects.count() == 1
    assert get_user_model().objects.filter(username="ann-of-the-tests").exists()


def test_the_receipt_says_how_much_and_nothing_of_whom(ann: Visitor) -> None:
    words = words_of(ann)
    receipt = jobs.erase(ann).receipt()
    assert receipt["rows"] == {
        "mtrec_feedback": 3,
        "mtrec_recommendation": 2,
        "mtrec_relation": 2,
        "mtrec_visitor": 1,
    }
    assert not any(word in str(receipt) for word in words)
    assert is_genuine(receipt)
    assert not is_genuine(receipt | {"rows": {}})
    assert not is_genuine({"id": receipt["id"]})


def test_a_second_time_does_nothing(ann: Visitor) -> None:
    jobs.erase(ann)
    assert jobs.erase(ann).receipt()["rows"] == {}
    assert jobs.erase(None).receipt()["rows"] == {}
    assert Erasure.objects.count() == 1


def test_he_may_come_back_as_somebody_new(ann: Visitor) -> None:
    user = ann.user
    jobs.erase(ann)
    assert track_visitor(ann, "view", make_product()) is None
    assert Visitor.objects.get_or_create(user=user)[0].key != ann.key


@pytest.mark.django_db(transaction=True)
def test_events_at_the_same_moment_are_erased_or_not_stored() -> None:
    product, visitor = make_product(), make_visitor()

    def work(number: int) -> None:
        try:
            jobs.erase(visitor) if number == 10 else track_visitor(visitor, "view", product)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    assert not Feedback.objects.exists()


def test_neither_files_nor_a_next_training_know_him(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was learned holds nothing of him by name, and is no beginning for what is learned next."""
    settings.MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 2}, "THREADS": 1}
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")
    somebody = Visitor.objects.get(external_id="visitor-7")
    Visitor.objects.filter(pk=somebody.pk).update(external_id="xyzzy", features={"town": "Xyzzyville"})
    version = jobs.train().version
    assert version is not None
    version.publish()
    read: list[tuple[Any, Any]] = []
    fit = training.fit

    def listen(dataset: Any, **options: Any) -> Any:
        read.append((dataset, options["afresh"]))
        return fit(dataset, **options)

    monkeypatch.setattr(training, "fit", listen)
    words = words_of(somebody)
    jobs.erase(somebody)
    assert traces(words) == set()
    jobs.train()
    (dataset, afresh) = read[0]
    assert somebody.pk not in dataset.users.ids
    assert afresh
    newest = ModelVersion.objects.filter(kind="base").latest("pk")
    newest.publish()
    jobs.train()
    assert not read[1][1]
    assert not Relation.objects.exists()


def test_a_checkpoint_that_he_taught_is_not_gone_on_from(ann: Visitor) -> None:
    died, after = (ModelVersion.objects.create(kind="base", status="building") for _ in range(2))
    died.add_file("checkpoint", b"of a test")
    assert InDatabase(after).read() == b"of a test"
    jobs.erase(ann)
    assert InDatabase(after).read() is None
