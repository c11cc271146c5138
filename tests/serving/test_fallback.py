"""Whatever is broken, a page gets an answer, and the log one line that says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from mtrec_django import recommend, similar_items
from mtrec_django.models import ModelVersion, Scenario, VersionFile
from mtrec_django.retrieval import store
from mtrec_django.serving import live
from mtrec_django.serving.recommender import recommend_for
from tests.site.models import Product
from tests.site.recommendations import Products

from .world import World, artifact


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says."""
    caplog.set_level("WARNING", logger="mtrec_django.serving")

    class Lines(list[str]):
        def __iter__(self) -> Iterator[str]:
            return iter(record.getMessage() for record in caplog.records)

        def __len__(self) -> int:
            return len(caplog.records)

    return Lines()


def counts(world: World) -> list[Product]:
    """Trend decides; this is the order."""
    world.score(1, 1, popular=5, trending=1)
    world.score(2, 2, popular=1, trending=3)
    world.score(4, 4, popular=9, trending=0)
    return [world.product(2, 2), world.product(1, 1), world.product(4, 4)]


def test_no_version_yet(world: World, told: list[str]) -> None:
    expected = counts(world)
    Scenario.objects.filter(pk=world.scenario.pk).update(live_version=None)
    answer = recommend_for(world.visitor((3, 0)), "world", 5)
    assert answer[:3] == expected
    assert answer[3:] == [world.products[-1], world.products[-2]]  # the newest
    assert [one.recommendation.source for one in answer] == ["trending", "trending", "popular", "new", "new"]
    assert answer.version is None
    assert not len(told)


def test_no_counts_either(world: World) -> None:
    Scenario.objects.filter(pk=world.scenario.pk).update(live_version=None)
    assert recommend_for(None, "world", 2) == [world.products[-1], world.products[-2]]


def test_an_empty_catalogue(db: None) -> None:
    Scenario.objects.create(name="empty", sources=["testsite.product"])
    answer = recommend_for(None, "empty", 5)
    assert answer == []
    assert answer.short


def test_seen_stays_out_without_a_version(world: World) -> None:
    world.scenario.exclude = ["purchase"]
    world.scenario.live_version = None
    world.scenario.save()
    bought = world.product(7, 9)
    assert bought in recommend_for(None, "world", 5)
    assert bought not in recommend_for(world.visitor((7, 9), kind="purchase"), "world", 5)


@pytest.mark.parametrize(
    "mishap",
    [
        "drop table mtrec_itemvector_v{version}",
        "drop table mtrec_itemneighbours_v{version}",
        "drop extension vector cascade",
        "alter table mtrec_itemvector_v{version} drop column vector",
    ],
    ids=["no-partition", "no-neighbours", "no-extension", "no-vectors"],
)
def test_vectors_are_gone(world: World, told: list[str], mishap: str) -> None:
    expected = counts(world)
    visitor = world.visitor((3, 0))
    assert set(world.topics_of(recommend_for(visitor, "world", 3))) == {3}
    detach = "alter table {0} detach partition {0}_v{1}"
    with connection.cursor() as cursor:
        for parent in store.PARENTS:
            cursor.execute(detach.format(parent, world.version.pk))
        cursor.execute(mishap.format(version=world.version.pk))
    for _ in range(3):
        live.expire()  # what is asked next brings the version back
        answer = recommend_for(visitor, "world", 3)
        assert answer == expected
        assert answer.version is None
        assert len(similar_items(world.product(3, 0), 3)) == 3
    assert len(told) <= 2  # the second of similar items
    assert all("served without version" in line for line in told)
    assert connection.is_usable()  # the transaction around went on


@pytest.mark.parametrize("damage", ["damaged", "missing", "another kind", "incomplete"])
def test_the_artifact_cannot_be_used(world: World, told: list[str], damage: str) -> None:
    expected = counts(world)
    files = VersionFile.objects.filter(version=world.version)
    if damage == "damaged":
        files.update(data=b"x" + bytes(files.get().data)[1:])
    elif damage == "missing":
        files.delete()
    elif damage == "another kind":
        world.version.add_file("artifact", type(artifact())("transfer").to_bytes())
    else:
        world.version.add_file("artifact", type(artifact())("base", {"kinds": []}).to_bytes())
    for _ in range(3):
        assert recommend_for(world.visitor((3, 0)), "world", 3) == expected
    assert len(told) == 1
    assert f"version {world.version.pk} of world is not served" in next(iter(told))


def test_a_damaged_transfer_leaves_its_base(world: World, told: list[str]) -> None:
    transfer = ModelVersion.objects.create(
        kind="transfer", status="ready", parent=world.version, scenario=world.scenario
    )
    transfer.add_file("artifact", b"nonsense")
    transfer.publish()
    answer = recommend_for(world.visitor((3, 0)), "world", 3)
    assert set(world.topics_of(answer)) == {3}
    assert answer.version == world.version.pk
    assert len(told) == 1


def test_a_version_that_was_mended_is_served(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counts(world)
    VersionFile.objects.filter(version=world.version).delete()
    visitor = world.visitor((3, 0))
    assert recommend_for(visitor, "world", 3).version is None
    world.version.add_file("artifact", artifact(world=world.blend).to_bytes())
    monkeypatch.setattr(live, "_state", live.State(live._state.rows, live._state.scenarios, {}, again_at=0))  # type: ignore[union-attr]
    live.expire()
    assert recommend_for(visitor, "world", 3).version == world.version.pk


def test_a_wrong_option_is_passed_over(world: World, told: list[str]) -> None:
    world.scenario.options = {"candidates": ["personal", "horoscope"]}
    world.scenario.save()
    assert set(world.topics_of(recommend_for(world.visitor((3, 0)), "world", 3))) == {3}
    assert "horoscope" in next(iter(told))


def test_a_broken_transaction_of_the_site_gives_an_empty_list(world: World, told: list[str]) -> None:
    recommend_for(None, "world", 3)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        with connection.cursor() as cursor, pytest.raises(Exception, match="no_such"):
            cursor.execute("select * from no_such_table")
        assert recommend_for(None, "world", 3) == []
        raise ZeroDivisionError
    assert len(told)


def test_a_scenario_of_models_that_are_not_registered(world: World) -> None:
    world.scenario.sources = ["gone.model"]
    world.scenario.save()
    assert recommend_for(world.visitor((3, 0)), "world", 3) == []


def test_no_tables_at_all(world: World, told: list[str]) -> None:
    """A site that has not migrated yet."""
    with connection.cursor() as cursor:
        cursor.execute("alter table mtrec_scenario rename to elsewhere")
    assert recommend_for(None, "world", 3) == []
    assert similar_items(world.product(1, 1), 3) == [world.products[-1], world.products[-2], world.products[-3]]
    assert "scenarios are not known" in next(iter(told))


def test_errors_of_the_site_are_not_hidden(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def available(self: Any) -> Any:
        return Product.objects.filter(stok__gt=0)

    monkeypatch.setattr(Products, "available", available)
    with pytest.raises(FieldError, match="stok"):
        recommend_for(None, "world", 3)


def test_similar_items_where_no_scenario_shows_such_objects(world: World) -> None:
    Scenario.objects.all().delete()
    assert similar_items(world.product(1, 1), 2) == [world.products[-1], world.products[-2]]


def test_server_side_binding(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a message holds one statement only, there are more messages and the same answer."""
    visitor = world.visitor((3, 0))
    expected = list(recommend_for(visitor, "world", 5, queryset=Product.objects.filter(stock__gt=0)))
    monkeypatch.setitem(connections[DEFAULT_DB_ALIAS].settings_dict, "OPTIONS", {"server_side_binding": True})
    assert recommend_for(visitor, "world", 5, queryset=Product.objects.filter(stock__gt=0)) == expected


def test_a_web_process_imports_no_torch() -> None:
    """Everything that answers a page, in a process where the learner's libraries cannot be imported."""
    program = """
import sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "scipy", "implicit", "sentence_transformers", "onnxruntime"}:
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Forbidden())
import django
django.setup()
import mtrec_django.serving.recommender, mtrec_django.templatetags.mtrec, mtrec_django.urls
from django.template import engines
engines["django"].from_string('{% load mtrec %}{% recommendations "home" %}')
import json
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules} & {"torch", "scipy", "implicit"})))
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_items_that_are_deleted_vanish(world: World) -> None:
    gone = Product.objects.get(pk=world.product(3, 1).pk)
    gone.delete()
    answer = recommend_for(world.visitor((3, 0)), "world", 79)
    assert len(answer) == 79
    assert gone not in answer


def test_recommend_takes_no_request(world: World) -> None:
    assert len(recommend(None, "world", 3)) == 3
