"""People of the admin, and rows that its pages show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from mtrec_django.models import (
    AnswerDay,
    Arm,
    ArmDay,
    Batch,
    BatchChunk,
    Erasure,
    Experiment,
    Feedback,
    Item,
    ModelVersion,
    PositionDay,
    Recommendation,
    Relation,
    Run,
    Scenario,
    Visitor,
)

OURS = {"ndcg@10": 0.06, "recall@50": 0.2}
METRICS = {
    "questions": 1213,
    "popularity": {"ndcg@10": 0.02, "recall@50": 0.1},
    "ours": OURS,
    "itemknn": {"ndcg@10": 0.03, "recall@50": 0.15},
}
MARGINS = {
    "popularity": {"mean": 0.04, "low": 0.03, "high": 0.05, "ratio": 3.0, "n": 1213},
    "itemknn": {"mean": 0.03, "low": -0.01, "high": 0.04, "ratio": 2.0, "n": 1213},
}
EPOCHS = [{"epoch": 1, "loss": 5.0, "ndcg@10": 0.02}, {"epoch": 2, "loss": 4.0, "ndcg@10": 0.05}]


@pytest.fixture
def empty(db: None) -> Iterator[None]:
    """None of the scenarios that the tests' sites declare, and nothing remembered."""
    cache.clear()
    Scenario.objects.all().delete()
    yield
    cache.clear()


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """A client signed in as staff with just these permissions of the app."""

    def sign_in(*permissions: str) -> Client:
        user = get_user_model().objects.create_user(f"staff {'-'.join(permissions) or 'alone'}", is_staff=True)
        found = Permission.objects.filter(content_type__app_label="mtrec", codename__in=permissions)
        assert len(found) == len(permissions)
        user.user_permissions.set(found)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def boss(empty: None) -> Client:
    """A client signed in as superuser."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss"))
    return client


@pytest.fixture
def home(empty: None) -> Scenario:
    return Scenario.objects.create(name="home", title="Picked for you", goal={"view": 1, "purchase": 5})


@pytest.fixture
def base(home: Scenario) -> ModelVersion:
    return make_version(metrics={"home": METRICS}, report={"margins": {"home": MARGINS}, "epochs": EPOCHS})


def make_version(**fields: Any) -> ModelVersion:
    """A version that can go live."""
    return ModelVersion.objects.create(**{"kind": "base", "status": "ready", "publishable": True, **fields})


@pytest.fixture
def full(home: Scenario, base: ModelVersion) -> dict[str, Any]:
    """One row or more in every table that has a page."""
    base.add_file("artifact", b"bytes")
    base.publish([home], reason="it won")
    transfer = make_version(kind="transfer", parent=base, scenario=home, metrics={"home": METRICS})
    item = Item.objects.create(
        source="testsite.product", object_id="7001", title="Tea", categories={"brand": ["Leaf"]}, image="/tea.jpg"
    )
    visitor, friend = Visitor.objects.create(external_id="ada"), Visitor.objects.create()
    now = timezone.now()
    answer = Recommendation.objects.create(
        visitor=visitor, scenario=home, version=base, items=[item.pk], sources=["personal"], scores=[1.0]
    )
    Feedback.objects.create(visitor=visitor, item=item, kind="click", recommendation=answer.pk)
    rows = {
        "item": item,
        "scenario": home,
        "modelversion": transfer,
        "publication": base.publications.get(),
        "visitor": visitor,
        "relation": Relation.objects.create(visitor=visitor, other=friend),
        "recommendation": answer,
        "feedback": Feedback.objects.get(),
        "run": Run.objects.create(kind="train", status="failed", error="ValueError: no events", created_at=now),
    }
    Run.objects.create(kind="transfer", scenario=home, created_at=now - timedelta(minutes=10))
    experiment = Experiment.objects.create(scenario=home, name="More variety")
    for name, role, clicked in (("control", "control", 100), ("varied", "variant", 130)):
        arm = Arm.objects.create(experiment=experiment, name=name, role=role)
        for back in (3, 2, 1):
            ArmDay.objects.create(arm=arm, day=now.date() - timedelta(days=back), visitors=1000, clicked=clicked)
    experiment.start(now - timedelta(days=5))
    for back in range(20):
        day = now.date() - timedelta(days=back)
        AnswerDay.objects.create(scenario=home, version=base, day=day, answers=100, clicked=9 + back % 4, converted=2)
        for position in range(6):
            PositionDay.objects.create(scenario=home, day=day, position=position, shown=100, clicks=9 - position)
    going, made = (Batch.objects.create(scenario=home, n=6) for _ in range(2))
    BatchChunk.objects.create(batch=going, first=visitor.pk, last=visitor.pk)
    for batch in (going, made):
        BatchChunk.objects.create(
            batch=batch, first=visitor.pk, last=friend.pk, lists=2, seconds=1.5, done_at=timezone.now()
        )
    erasure = Erasure.objects.create(counts={"mtrec_feedback": 12, "mtrec_visitor": 1})
    return rows | {"experiment": experiment, "batch": made, "erasure": erasure}
