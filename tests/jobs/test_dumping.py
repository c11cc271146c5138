"""A version goes out as a file and comes in where all primary keys are others."""

from __future__ import annotations

import json
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mtrec_django import jobs
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.jobs.dumping import BadDump
from mtrec_django.jobs.training import load_version
from mtrec_django.models import Item, ItemVector, ModelVersion, Run, Scenario, Visitor
from mtrec_django.retrieval import store
from mtrec_django.serving.recommender import recommend_for

from .worlds import comparing_texts, make_events, make_products

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(settings: Any) -> ModelVersion:
    settings.MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 2}, "THREADS": 1}
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1}, title="For you")
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")
    version = jobs.train().version
    assert version is not None
    version.publish()
    return version


def move() -> None:
    """As another database: no version, no scenario, the same objects under other keys, one of them sold since."""
    Scenario.objects.update(live_version=None)
    Scenario.objects.all().delete()
    for pk in ModelVersion.objects.filter(kind="base").values_list("pk", flat=True):
        store.drop(pk)
    ModelVersion.objects.filter(kind="transfer").delete()
    ModelVersion.objects.all().delete()
    kept = list(Item.objects.order_by("-pk").values("source", "object_id", "title", "categories", "text"))
    Item.objects.all().delete()
    Item.objects.bulk_create([Item(**row) for row in kept[1:]])


def test_it_serves_the_same_elsewhere(live: ModelVersion, tmp_path: Path) -> None:
    placed = ItemVector.objects.filter(version=live).select_related("item")
    before = {(row.item.source, row.item.object_id): np.asarray(row.vector) for row in placed}
    manifest = jobs.dump(tmp_path / "all.mtrec")
    assert [told["number"] for told in manifest["versions"]] == sorted(
        ModelVersion.objects.filter(status="ready").values_list("pk", flat=True)
    )
    move()
    report = jobs.restore(tmp_path / "all.mtrec", publish=True)
    assert (report.missing, report.scenarios, report.published) == (1, ["home"], ["home"])
    home = Scenario.objects.select_related("live_version").get(name="home")
    assert (home.title, home.goal) == ("For you", {"purchase": 1})
    base = ModelVersion.objects.get(pk=report.versions[live.pk])
    assert home.live_version is not None
    assert home.live_version.base_id == base.pk
    assert base.metrics == live.metrics
    rows = list(ItemVector.objects.filter(version=base).select_related("item"))
    assert len(rows) == 23
    for row in rows:
        assert np.allclose(row.vector, before[row.item.source, row.item.object_id], atol=1e-3)
    answer = recommend_for(Visitor.objects.create(), "home", 5)
    assert answer.version == home.live_version_id
    assert len(answer) == 5
    trained = load_version(base)  # and is a beginning for the next training
    assert set(trained.item_ids.tolist()) & set(Item.objects.values_list("pk", flat=True))
    assert jobs.train().status == Run.Status.SUCCEEDED


def test_what_is_written_goes_along(live: ModelVersion, tmp_path: Path) -> None:
    compared = comparing_texts(live, personal=1.0, text=1.0)
    late = Item.objects.create(source="testsite.product", object_id="late", title="Late")
    store.upsert(compared.pk, [late.pk], np.ones((1, 64), np.float32), np.full((1, width(compared)), 7, np.int8))
    before = texts_of(compared)
    jobs.dump(tmp_path / "one.mtrec", compared)
    jobs.dump(tmp_path / "other.mtrec", live)
    chosen = width(live) > 0
    move()
    for name, kept in (("one.mtrec", True), ("other.mtrec", chosen)):
        base = ModelVersion.objects.get(pk=next(iter(jobs.restore(tmp_path / name).versions.values())))
        assert texts_of(base) == {key: before[key] if kept else None for key in texts_of(base)}
        assert (load_version(base).texts is not None) == kept


def width(version: ModelVersion) -> int:
    return int(load_version(version).artifact.config["texts"])


def texts_of(version: ModelVersion) -> dict[tuple[str, str], bytes | None]:
    """By source and object id."""
    rows = ItemVector.objects.filter(version=version).select_related("item")
    return {(row.item.source, row.item.object_id): row.text and bytes(row.text) for row in rows}


def test_a_second_time_nothing_is_made(live: ModelVersion, tmp_path: Path) -> None:
    jobs.dump(tmp_path / "one.mtrec", live)
    report = jobs.restore(tmp_path / "one.mtrec", publish=True)
    assert (report.versions, report.present, report.published) == ({live.pk: live.pk}, [live.pk], [])
    assert ModelVersion.objects.filter(kind="base").count() == 1


def test_no_visitor_is_in_it(live: ModelVersion, tmp_path: Path) -> None:
    jobs.dump(tmp_path / "all.mtrec")
    with zipfile.ZipFile(tmp_path / "all.mtrec") as file:
        assert not any(b"visitor-" in file.read(name) for name in file.namelist())


def test_damage_is_seen_before_anything_is_written(live: ModelVersion, tmp_path: Path) -> None:
    jobs.dump(tmp_path / "all.mtrec")
    with zipfile.ZipFile(tmp_path / "all.mtrec") as file:
        parts = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(parts["manifest.json"])
    state = f"v{live.pk}/state.safetensors"
    spoilt = [
        ({**parts, state: parts[state][:-1] + b"x"}, "damaged: v"),
        ({name: data for name, data in parts.items() if name != state}, "damaged"),
        ({**parts, "manifest.json": json.dumps(manifest | {"format": 2}).encode()}, "format 2"),
        ({**parts, "manifest.json": b"[]"}, "damaged"),
        ({"other": b""}, "damaged"),
    ]
    move()
    for damaged, message in spoilt:
        with zipfile.ZipFile(tmp_path / "bad.mtrec", "w") as file:
            for name, data in damaged.items():
                file.writestr(name, data)
        with pytest.raises(BadDump, match=message):
            jobs.restore(tmp_path / "bad.mtrec")
    (tmp_path / "bad.mtrec").write_bytes(b"no zip")
    for name, message in (("bad.mtrec", "is no dump"), ("nothing.mtrec", "does not exist")):
        with pytest.raises(BadDump, match=message):
            jobs.restore(tmp_path / name)
    assert not ModelVersion.objects.exists()
    assert store.stored() == set()


def test_a_failure_leaves_no_vectors(live: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.dump(tmp_path / "all.mtrec")
    move()

    def fail(version_id: int) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(store, "index", fail)
    with pytest.raises(MemoryError):
        jobs.restore(tmp_path / "all.mtrec")
    assert store.stored() == set()
    assert not ModelVersion.objects.filter(status="ready").exists()


def test_the_commands(live: ModelVersion, tmp_path: Path) -> None:
    out = StringIO()
    file = str(tmp_path / "one.mtrec")
    call_command("mtrec_dump", file, "-V", str(live.pk), "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"versions": [live.pk], "scenarios": ["home"]}
    call_command("mtrec_restore", file, stdout=out)
    assert f"v{live.pk} is here already" in out.getvalue()
    for arguments in (["mtrec_dump", file, "-V", "0"], ["mtrec_dump", "/proc/x/y"], ["mtrec_restore", "/nowhere"]):
        with pytest.raises(CommandError):
            call_command(*arguments)
    ModelVersion.objects.update(status="failed")
    with pytest.raises(CommandError, match="ready"):
        call_command("mtrec_dump", file)
