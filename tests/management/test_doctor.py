"""The doctor finds what was broken on purpose, and says how to mend it."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mtrec_django.conf import DIM
from mtrec_django.inference.artifact import Artifact
from mtrec_django.management import doctor
from mtrec_django.models import Item, ModelVersion, Run, Scenario, VersionFile, Visitor
from mtrec_django.retrieval import store
from tests.workers import broker

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(db: None) -> ModelVersion:
    """One scenario with a live version whose ten items have vectors and whose texts are encoded."""
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", goal={"purchase": 1})
    items = [Item.objects.create(source="testsite.product", object_id=str(k)) for k in range(10)]
    version = ModelVersion.objects.create(kind="base", status="ready", report={"peak_bytes": 2**30}, events=1, items=10)
    version.add_file("artifact", Artifact("base").to_bytes())
    store.create(version.pk)
    store.load_vectors(version.pk, [(item.pk, np.eye(DIM, dtype=np.float32)[k]) for k, item in enumerate(items)])
    store.index(version.pk)
    store.attach(version.pk)
    version.publish()
    return version


def found(name: str) -> list[doctor.Finding]:
    return [finding for finding in doctor.examine() if finding.name == name]


def said(name: str, level: str) -> str:
    """What is said of something, when it is said at this level."""
    (finding,) = [finding for finding in found(name) if finding.level == level]
    assert finding.mend or level == "ok"
    return finding.text


def test_a_sound_installation(live: ModelVersion) -> None:
    assert {finding.level for finding in doctor.examine()} == {"ok"}
    out = StringIO()
    call_command("mtrec_doctor", stdout=out)
    assert "home is served by" in out.getvalue()


def test_exit_codes_and_json(live: ModelVersion) -> None:
    ModelVersion.objects.update(created_at=timezone.now() - timedelta(days=30))
    call_command("mtrec_doctor", "--json", stdout=(out := StringIO()))
    assert [row["level"] for row in json.loads(out.getvalue()) if row["name"] == "live"] == ["warning"]
    with pytest.raises(CommandError, match="1 of"):
        call_command("mtrec_doctor", "--fail-on", "warning", stdout=StringIO())
    VersionFile.objects.all().delete()
    with pytest.raises(CommandError):
        call_command("mtrec_doctor", stdout=StringIO())


def test_a_scenario_without_a_version(live: ModelVersion) -> None:
    Scenario.objects.create(name="new")
    assert "new has no version" in said("live", "warning")


def test_a_damaged_artifact(live: ModelVersion) -> None:
    VersionFile.objects.update(data=b"spoilt")
    assert "checksum" in said("artifact", "error")


def test_vectors_that_are_missing(live: ModelVersion) -> None:
    Item.objects.create(source="testsite.product", object_id="new", text="new", text_hash="x")
    assert "1 available items" in said("vectors", "warning")
    assert "1 items have new texts" in said("texts", "warning")
    store.drop(live.pk)
    assert "no tables" in said("vectors", "error")


def test_whether_the_index_is_used(live: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "so few" in said("index", "ok")
    monkeypatch.setattr(store, "size", lambda version_id: 100_000)
    monkeypatch.setattr(store, "search_plan", lambda version_id: "Seq Scan")
    assert "read all 100,000 items: Seq Scan" in said("index", "error")
    monkeypatch.setattr(store, "search_plan", lambda version_id: "Index Scan using mtrec_itemvector_v1_hnsw")
    assert "use its vector index" in said("index", "ok")


def test_the_plan_of_a_large_table_names_its_index(db: None) -> None:
    rng = np.random.default_rng(0)
    items = Item.objects.bulk_create(Item(source="a.b", object_id=str(k)) for k in range(6000))
    vectors = rng.normal(size=(6000, DIM)).astype(np.float32)
    store.create(77)
    store.load_vectors(77, zip([item.pk for item in items], vectors, strict=True))
    store.index(77)
    assert "mtrec_itemvector_v77_hnsw" in store.search_plan(77)
    assert store.disk(77) > 6000 * 2 * DIM
    ids, read = store.read_vectors(77)
    assert ids.tolist() == [item.pk for item in items]
    assert np.allclose(read, vectors, atol=2e-3)


def test_runs_that_wait_died_or_failed(live: ModelVersion) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    waiting = Run.objects.create(kind="train", created_at=long_ago)
    assert str(waiting) in said("runs", "error")
    Run.objects.filter(pk=waiting.pk).update(status="running")
    texts = [finding.text for finding in found("runs")]
    assert texts[0] == "1 runs were left by workers that died."
    assert "died in the middle" in texts[1]


@pytest.mark.parametrize(
    "url", ["amqp://guest@127.0.0.1:1//", "sqla+postgresql+psycopg://postgres@127.0.0.1:1/nowhere"]
)
def test_a_broker_that_is_down(live: ModelVersion, url: str) -> None:
    with broker(url):
        assert "does not answer" in said("queue", "error")


def test_a_clock_that_is_wrong(live: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    now = time.time
    monkeypatch.setattr(doctor.time, "time", lambda: now() + 90)
    assert "90.0 s from" in said("clock", "error")


def test_memory_grows_with_the_data(live: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.needed_bytes() == 2**30
    Item.objects.bulk_create(Item(source="a.b", object_id=str(k)) for k in range(10))
    doubled = doctor.PROCESS_BYTES + 2 * (2**30 - doctor.PROCESS_BYTES)
    assert doctor.needed_bytes() == doubled
    monkeypatch.setattr(doctor, "free_bytes", lambda: 2**20)
    assert "needs about" in said("memory", "warning")
    ModelVersion.objects.update(report={})
    assert doctor.needed_bytes() == doctor.PROCESS_BYTES + 20 * doctor.ITEM_BYTES


def test_tables_of_no_version(live: ModelVersion) -> None:
    store.create(987_654)
    assert "v987654" in said("partitions", "warning")


def test_names_under_a_secret_that_is_gone(live: ModelVersion, settings: Any) -> None:
    Visitor.objects.create(external_id="x")
    settings.MTREC = {"VISITOR_KEYS": ["one"]}
    assert "not under the newest" in said("names", "warning")
    Visitor.objects.update(keyed_by="00000000")
    assert "not listed" in said("names", "error")
