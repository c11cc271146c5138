"""The graph is built once, thrown away where it is not valid, worn by writes, and built anew while it serves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection

from mtrec_django import jobs
from mtrec_django.conf import DIM
from mtrec_django.models import Item, ModelVersion
from mtrec_django.retrieval import store


@pytest.fixture
def version(transactional_db: None) -> Iterator[int]:
    items = Item.objects.bulk_create([Item(source="a.b", object_id=str(row)) for row in range(8)])
    version = ModelVersion.objects.create(kind="base", status="ready").pk
    store.create(version)
    store.load_vectors(version, [(item.pk, np.eye(DIM, dtype=np.float32)[at]) for at, item in enumerate(items)])
    store.index(version)
    store.attach(version)
    flush()
    yield version
    store.drop(version)


def flush() -> None:
    """Let the counters know at once."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
        cursor.execute("select pg_stat_clear_snapshot()")


def test_writes_wear_it_and_a_job_builds_it_anew(version: int) -> None:
    assert store.worn() == []
    assert jobs.reindex() == []
    items = list(Item.objects.values_list("pk", flat=True))
    for first in (8, 20):
        store.upsert(version, items, np.eye(DIM, dtype=np.float32)[first : first + len(items)])
    flush()
    ((worn, share),) = store.worn()
    assert worn == version
    assert share >= 1
    assert jobs.reindex() == [version]
    flush()
    assert store.worn() == []
    assert version in store.with_graph()


def test_one_that_is_not_valid_is_built_again(version: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update pg_index set indisvalid = false where indexrelid = to_regclass(%s)",
            [f"mtrec_itemvector_v{version}_hnsw"],
        )
    assert version not in store.with_graph()
    store.index(version)
    assert version in store.with_graph()


def test_what_a_killed_rebuild_left_goes(version: int) -> None:
    table = store.vectors_table(version).text
    with connection.cursor() as cursor:
        cursor.execute(f"create index {table}_hnsw_ccnew on {table} using hnsw (vector halfvec_ip_ops)")
    store.rebuild_graph(version)
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s)", [f"{table}_hnsw_ccnew"])
        assert cursor.fetchone() == (None,)
    assert version in store.with_graph()
