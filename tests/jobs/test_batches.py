"""A stored batch: cut into chunks, made once each by whoever is free, read out, dropped."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mtrec_django import jobs
from mtrec_django.jobs.batches import batch_csv, make_batch, make_chunk, start_batch
from mtrec_django.models import Batch, BatchChunk, BatchList, Recommendation, Visitor
from mtrec_django.serving.recommender import recommend_for
from tests.serving.world import World


@pytest.fixture
def crowd(world: World) -> list[Visitor]:
    return [world.visitor((topic, 0)) for topic in range(5)]


def run(*args: Any, **options: Any) -> str:
    said = io.StringIO()
    call_command("mtrec_batch", *args, stdout=said, **options)
    return said.getvalue()


def test_chunks_hold_every_visitor_once(world: World, crowd: list[Visitor]) -> None:
    batch = start_batch("world", 3, chunk=2, here=True)
    ranges = [(chunk.first, chunk.last) for chunk in batch.waiting]
    assert ranges == [(crowd[0].pk, crowd[1].pk), (crowd[2].pk, crowd[3].pk), (crowd[4].pk, crowd[4].pk)]
    assert batch.totals() == {"chunks": 3, "made": 0, "lists": 0, "seconds": 0.0}


def test_lists_are_those_of_each_and_a_chunk_is_made_once(world: World, crowd: list[Visitor]) -> None:
    batch = start_batch("world", 3, chunk=2, here=True, diversity=0.1)
    first = batch.waiting[0]
    assert make_chunk(first.pk) is not None
    assert make_chunk(first.pk) is None
    assert [chunk.lists for chunk in make_batch(batch)] == [2, 1]
    assert batch.totals() | {"seconds": 0} == {"chunks": 3, "made": 3, "lists": 5, "seconds": 0}
    for visitor in crowd:
        stored = batch.lists.get(visitor=visitor)
        alone = recommend_for(visitor, "world", 3, diversity=0.1)
        assert stored.items == [one.item for one in alone.recommendations]
        assert (stored.sources, stored.version) == ([one.source for one in alone.recommendations], world.version)
        assert set(stored.sources) <= {"personal", "again"}


def test_what_was_sent_counts_as_shown_once(world: World, crowd: list[Visitor]) -> None:
    batch = start_batch("world", 3, here=True)
    list(make_batch(batch))
    one = batch.lists.get(visitor=crowd[2])
    assert one.mark_sent() == one.mark_sent()
    shown = Recommendation.objects.get()
    assert (shown.pk, shown.visitor, shown.scenario) == (one.pk, crowd[2], world.scenario)
    assert (shown.items, shown.version) == (one.items, world.version)


@pytest.mark.parametrize("stored", [False, True])
def test_the_command_writes_a_line_an_item(world: World, crowd: list[Visitor], tmp_path: Path, stored: bool) -> None:
    out = tmp_path / "lists.csv"
    if stored:
        batch = json.loads(run("world", "-n", "2", "--queue", "--chunk", "2", "--json"))
        assert batch["chunks"] == 3
        with pytest.raises(CommandError, match="3 chunks are not made yet"):
            run("--id", str(batch["batch"]), "--out", str(out))
        told = json.loads(run("--id", str(batch["batch"]), "--here", "--out", str(out), "--json"))
        assert (told["made"], told["lists"]) == (3, 5)
    else:
        told = json.loads(run("world", "-n", "2", "--out", str(out), "--json"))
        assert told["lists"] == 5
        assert told["per_second"] > 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert len(rows) == 10
    assert [(row["visitor"], row["position"], row["source"], row["object"]) for row in rows[:2]] == [
        (str(crowd[0].pk), "0", "testsite.product", str(world.product(0, 0).pk)),
        (str(crowd[0].pk), "1", "testsite.product", str(world.product(0, 1).pk)),
    ]
    if stored:
        assert rows[0]["list"] == str(BatchList.objects.get(visitor=crowd[0]).pk)
    else:
        assert (rows[1]["reason"], rows[1]["because"]) == ("Because you viewed Product 0.0", "Product 0.0")


def test_workers_are_asked_on_commit(
    world: World, crowd: list[Visitor], monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("mtrec_django.jobs.batches.send_light", lambda *args: sent.append(args) or True)
    with django_capture_on_commit_callbacks(execute=True):
        batch = start_batch("world", 3, chunk=2)
    assert sent == [("mtrec.batch", chunk.pk) for chunk in batch.waiting]
    jobs.make_chunk(sent[0][1])
    assert batch.waiting.count() == 2


def test_a_list_that_is_written_to_the_terminal(world: World, crowd: list[Visitor], capsys: Any) -> None:
    run("world", "-n", "1", "--out", "-", "--json", stderr=io.StringIO())
    assert len(capsys.readouterr().out.splitlines()) == 6


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Name a scenario"),
        (["world"], "either --out FILE or --queue"),
        (["world", "--queue", "--out", "x"], "either --out FILE or --queue"),
        (["nowhere", "--queue"], "no scenario nowhere"),
        (["nowhere", "--out", "-"], "There is no scenario 'nowhere'"),
        (["world", "--out", "/no/such/folder/x.csv"], "cannot write"),
        (["--id", "7"], "no batch 7"),
    ],
)
def test_errors_of_the_command(world: World, args: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*args)


def test_old_batches_go_with_their_lists(world: World, crowd: list[Visitor]) -> None:
    old, new = start_batch("world", 2, here=True), start_batch("world", 2, here=True)
    for batch in (old, new):
        list(make_batch(batch))
    Batch.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert jobs.drop_batches() == 1
    assert list(Batch.objects.all()) == [new]
    assert set(BatchList.objects.values_list("batch", flat=True)) == {new.pk}
    assert set(BatchChunk.objects.values_list("batch", flat=True)) == {new.pk}


def test_a_list_whose_items_are_gone_is_written_without_them(world: World, crowd: list[Visitor]) -> None:
    batch = start_batch("world", 2, here=True)
    list(make_batch(batch))
    world.item(0, 1).delete()
    assert len(list(batch_csv(batch))) == 1 + 9


def test_of_a_batch_that_was_cancelled_no_more_is_made(world: World, crowd: list[Visitor]) -> None:
    batch = start_batch("world", 2, chunk=2, here=True)
    made, left, _last = batch.waiting
    make_chunk(made.pk)
    batch.cancel()
    assert make_chunk(left.pk) is None
    assert list(make_batch(batch)) == []
    assert (batch.totals()["made"], batch.lists.count()) == (1, 2)
    assert len(list(batch_csv(batch))) == 1 + 4
