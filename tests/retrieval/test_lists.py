"""Lists of vectors by place: made where items are many, made anew or later, and read for what is near."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from django.db import connection

from mtrec_django.conf import DIM
from mtrec_django.models import Item, ModelVersion
from mtrec_django.retrieval import lists, store


@pytest.fixture
def version(transactional_db: None) -> Iterator[int]:
    """Of 16 items, which are few."""
    items = Item.objects.bulk_create([Item(source="a.b", object_id=str(row)) for row in range(16)])
    version = ModelVersion.objects.create(kind="base", status="ready").pk
    store.create(version)
    store.load_vectors(version, [(item.pk, np.eye(DIM, dtype=np.float32)[at]) for at, item in enumerate(items)])
    store.index(version)
    store.attach(version)
    yield version
    store.drop(version)


@pytest.fixture
def enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many items are many."""
    monkeypatch.setattr(lists, "FEWEST", 16)


def exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s) is not null", [name])
        return bool(cursor.fetchone()[0])


def test_few_items_are_in_none(version: int) -> None:
    assert store.lists_of(version) == 0
    store.rebuild_graph(version)
    assert store.lists_of(version) == 0


def test_many_are_in_as_many_as_each_holds(version: int, enough: None) -> None:
    store.index(version)
    assert store.lists_of(version) == 4


def test_a_version_that_was_made_before_gets_them_with_its_new_graph(version: int, enough: None) -> None:
    store.rebuild_graph(version)
    assert store.lists_of(version) == 4
    store.rebuild_graph(version)
    assert store.lists_of(version) == 4


@pytest.mark.parametrize("again", [store.index, store.rebuild_graph])
def test_one_that_is_not_valid_is_made_again(version: int, enough: None, again: Callable[[int], None]) -> None:
    store.index(version)
    with connection.cursor() as cursor:
        cursor.execute(
            "update pg_index set indisvalid = false where indexrelid = to_regclass(%s)",
            [f"mtrec_itemvector_v{version}_lists"],
        )
    assert store.lists_of(version) == 0
    again(version)
    assert store.lists_of(version) == 4


def test_what_a_killed_rebuild_left_goes(version: int, enough: None) -> None:
    store.index(version)
    name = store.vectors_table(version).text
    with connection.cursor() as cursor:
        cursor.execute(f"create index {name}_lists_ccnew on {name} using ivfflat (vector halfvec_cosine_ops)")
    store.rebuild_graph(version)
    assert not exists(f"{name}_lists_ccnew")
    assert store.lists_of(version) == 4


def test_more_lists_are_read_for_more_of_the_items() -> None:
    assert lists.probes(990, 100_000, 200) == 14
    assert lists.probes(1, 100_000, 300) == 1
    assert lists.probes(90_000, 100_000, 300) == 300
