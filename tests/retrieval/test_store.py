"""Partitions of versions: made, loaded, attached, dropped, and begun again wherever it was killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from django.db import OperationalError, connection, connections

from mtrec_django.conf import DIM
from mtrec_django.models import Item, ItemNeighbours, ItemVector, ModelVersion
from mtrec_django.retrieval import store
from mtrec_django.retrieval.gathering import pack, unpack
from mtrec_django.retrieval.statement import Fragment, compose, read


@pytest.fixture
def items(db: None) -> list[Item]:
    names = [("a.number", "7"), ("a.number", "8"), ("a.word", "seven"), ("a.word", "9" * 30)]
    return Item.objects.bulk_create([Item(source=source, object_id=key, title=key) for source, key in names])


def unit(*hot: int) -> np.ndarray:
    vectors = np.zeros((len(hot), DIM), np.float32)
    vectors[range(len(hot)), hot] = 1
    return vectors


def built(items: list[Item]) -> int:
    version = ModelVersion.objects.create(kind="base", status="ready")
    store.create(version.pk)
    store.load_vectors(version.pk, zip([item.pk for item in items], unit(*range(len(items))), strict=True))
    store.load_neighbours(version.pk, [(items[0].pk, [item.pk for item in items[1:3]], [0.5, 0.25][: len(items) - 1])])
    store.index(version.pk)
    store.attach(version.pk)
    return version.pk


def scalar(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_rows_are_what_was_loaded(items: list[Item]) -> None:
    Item.objects.filter(pk=items[1].pk).update(available=False)
    version = built(items)
    rows = ItemVector.objects.filter(version_id=version).order_by("item_id")
    assert [(row.source, row.object_id, row.object_key, row.available) for row in rows] == [
        ("a.number", "7", 7, True),
        ("a.number", "8", 8, False),
        ("a.word", "seven", None, True),
        ("a.word", "9" * 30, None, True),
    ]
    found = read(
        [compose("select {v} from mtrec_itemvector order by item_id", v=store.packed(Fragment("vector")))],
        using="default",
    )
    np.testing.assert_array_equal(store.unpack([bytes(row[0]) for row in found[0]]), unit(0, 1, 2, 3))
    neighbours = ItemNeighbours.objects.get(version_id=version)
    assert (neighbours.item_id, bytes(neighbours.packed)) == (
        items[0].pk,
        pack([items[1].pk, items[2].pk], [0.5, 0.25]),
    )


def test_vectors_keep_half_precision(items: list[Item]) -> None:
    vectors = np.linspace(-1, 1, 4 * DIM, dtype=np.float32).reshape(4, DIM)
    version = ModelVersion.objects.create(kind="base")
    store.create(version.pk)
    assert store.load_vectors(version.pk, zip([item.pk for item in items], vectors, strict=True)) == 4
    table = store.vectors_table(version.pk)
    ((rows),) = read(
        [compose("select {v} from {t} order by item_id", v=store.packed(Fragment("vector")), t=table)], using="default"
    )
    np.testing.assert_array_equal(store.unpack([bytes(row[0]) for row in rows]), vectors.astype(np.float16))


TEXTS = np.array([[1, -127, 3], [0, 0, 0], [127, 0, 5], [-1, 2, 127]], np.int8)


def test_what_is_written_lies_beside_the_vectors(items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BATCH", 3)
    version = ModelVersion.objects.create(kind="base")
    store.create(version.pk)
    store.load_vectors(version.pk, zip([item.pk for item in items], unit(0, 1, 2, 3), strict=True), TEXTS)
    store.index(version.pk)
    store.attach(version.pk)
    rows = ItemVector.objects.filter(version_id=version.pk).order_by("item_id")
    assert [bytes(row.text) for row in rows] == [row.tobytes() for row in TEXTS]
    assert [row.vector.index(1) for row in rows] == [0, 1, 2, 3]
    np.testing.assert_array_equal(store.read_texts(version.pk, 3), TEXTS)
    store.upsert(version.pk, [items[2].pk], unit(9), TEXTS[:1])
    store.upsert(version.pk, [items[3].pk], unit(9))  # of which nothing is said
    assert [row.vector.index(1) for row in rows.all()] == [0, 1, 9, 9]
    np.testing.assert_array_equal(store.read_texts(version.pk, 3), TEXTS[[0, 1, 0, 3]])


def test_an_item_without_a_text_shifts_no_other(items: list[Item]) -> None:
    version = built(items[:3])
    store.upsert(version, [items[3].pk], unit(9), TEXTS[3:])
    np.testing.assert_array_equal(store.read_texts(version, 3), [[0] * 3] * 3 + [TEXTS[3].tolist()])


def test_more_rows_than_a_batch(items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BATCH", 3)
    assert ItemVector.objects.filter(version_id=built(items)).count() == 4


def test_unpack_says_what_is_missing() -> None:
    assert np.isnan(store.unpack([None])).all()
    assert store.unpack([]).shape == (0, DIM)


def test_items_that_are_gone_are_left_out(items: list[Item]) -> None:
    gone = items.pop()
    pk = gone.pk
    gone.delete()
    version = ModelVersion.objects.create(kind="base")
    store.create(version.pk)
    rows = [(pk, unit(1)[0]), (items[0].pk, unit(1)[0])]
    assert store.load_vectors(version.pk, rows) == 1


def test_an_empty_version(db: None) -> None:
    version = built_empty()
    assert store.size(version) == 0
    assert store.sample(version, 100) == []


def built_empty() -> int:
    version = ModelVersion.objects.create(kind="base", status="ready")
    store.create(version.pk)
    assert store.load_vectors(version.pk, []) == 0
    store.index(version.pk)
    store.attach(version.pk)
    return version.pk


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5])
def test_a_build_that_was_killed_begins_again(items: list[Item], steps: int) -> None:
    version = ModelVersion.objects.create(kind="base")
    rows = list(zip([item.pk for item in items], unit(0, 1, 2, 3), strict=True))
    work = [
        lambda: store.create(version.pk),
        lambda: store.load_vectors(version.pk, rows),
        lambda: store.load_neighbours(version.pk, []),
        lambda: store.index(version.pk),
        lambda: store.attach(version.pk),
    ]
    for step in [*work[:steps], *work]:
        step()
    assert ItemVector.objects.filter(version_id=version.pk).count() == 4
    for step in work[3:]:
        step()  # once more does nothing
    store.drop(version.pk)
    store.drop(version.pk)
    assert version.pk not in store.stored()


def test_attaching_scans_nothing(items: list[Item]) -> None:
    version = built(items)
    checks = scalar(
        f"select count(*) from pg_constraint where conrelid = 'mtrec_itemvector_v{version}'::regclass and contype = 'c'"
    )
    assert checks == 1
    assert scalar(f"select relispartition from pg_class where relname = 'mtrec_itemvector_v{version}'") is True


def test_orphans(items: list[Item]) -> None:
    ready = built(items)
    failed = built_empty()
    ModelVersion.objects.filter(pk=failed).update(status="failed")
    store.create(failed + 1000)
    assert {failed, failed + 1000} <= set(store.orphans())
    assert ready not in store.orphans()


def test_upsert_adds_and_changes(items: list[Item]) -> None:
    late = Item.objects.create(source="a.number", object_id="99", available=False)
    version = built(items)
    assert store.upsert(version, [late.pk, items[0].pk], unit(9, 9)) == 2
    rows = {row.item_id: row for row in ItemVector.objects.filter(version_id=version)}
    assert len(rows) == 5
    assert (rows[late.pk].object_key, rows[late.pk].available) == (99, False)
    assert rows[items[0].pk].vector == rows[late.pk].vector


def test_dropping_gives_the_disk_back_and_leaves_the_others(items: list[Item]) -> None:
    one, two = built(items), built(items)
    store.drop(one)
    assert scalar(f"select to_regclass('mtrec_itemvector_v{one}')") is None
    assert ItemVector.objects.filter(version_id=two).count() == 4


def test_a_graph_is_built(items: list[Item]) -> None:
    version = built(items)
    definition = str(scalar(f"select indexdef from pg_indexes where indexname = 'mtrec_itemvector_v{version}_hnsw'"))
    assert "USING hnsw (vector halfvec_ip_ops) WITH (m='16', ef_construction='64')" in definition


@pytest.fixture
def held(transactional_db: None) -> Iterator[tuple[int, threading.Event]]:
    """A version that a reader on another connection has locked, until told."""
    item = Item.objects.create(source="a.number", object_id="1")
    version = built([item])
    reading, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("begin")
            cursor.execute(f"select * from mtrec_itemvector_v{version}")
            reading.set()
            done.wait(30)
            cursor.execute("rollback")
        connections["default"].close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert reading.wait(30)
    yield version, done
    done.set()
    thread.join()
    store.drop(version)


def test_a_drop_that_cannot_get_its_lock_says_so(
    held: tuple[int, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    version, _done = held
    monkeypatch.setattr(store, "LOCK_ATTEMPTS", 1)
    monkeypatch.setattr(store, "LOCK_TIMEOUT", "20ms")
    with pytest.raises(OperationalError, match="lock timeout"):
        store.drop(version)
    assert version in store.stored()


def test_a_new_version_is_built_while_the_old_one_is_read(held: tuple[int, threading.Event]) -> None:
    item = Item.objects.get()
    version = built([item])  # nothing here waits for the reader
    assert ItemVector.objects.filter(version_id=version).count() == 1
    store.drop(version)


def test_new_items_join_lists_of_neighbours(items: list[Item]) -> None:
    version = built(items)
    first, second, third, new = (item.pk for item in items)
    for weight in (0.4, 0.3):  # placed again, it stands there once
        store.join_neighbours(version, [(new, [second], [1.0])], {first: ([new], [weight])}, most=3)
    lists = dict(ItemNeighbours.objects.filter(version_id=version).values_list("item_id", "packed"))
    assert {item: unpack(bytes(packed))[0].tolist() for item, packed in lists.items()} == {
        first: [second, new, third],
        new: [second],
    }
    store.join_neighbours(version, [], {first: ([new], [0.3])}, most=2)
    packed = ItemNeighbours.objects.get(version_id=version, item_id=first).packed
    assert unpack(bytes(packed))[0].tolist() == [second, new]
