"""The map of items: which are drawn, in which group, and where."""

from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.admin.item_map import groups, item_map, plane
from mtrec_django.models import Item, ItemScore, ModelVersion, Scenario
from mtrec_django.retrieval import store


def test_items_are_grouped_by_the_field_that_most_fill() -> None:
    filled = [{"brand": ["Leaf"], "aisle": ["tea", "green"]}, {"aisle": ["tea"]}, {"aisle": []}, {}]
    assert groups(filled) == ["tea", "tea", "others", "others"]
    assert groups([{}, {}]) == ["items", "items"]


def test_rare_groups_are_one() -> None:
    labels = groups([{"aisle": [f"a{number // 2}"]} for number in range(14)] + [{"aisle": ["rare"]}])
    assert labels[-1] == "others" and len(set(labels)) == 8


def test_the_plane_keeps_apart_what_differs_between_groups() -> None:
    means = np.eye(8, dtype=np.float32)[[0, 0, 1, 1, 2, 2]]
    noise = np.zeros_like(means)
    noise[:, 7] = [9, -9, 9, -9, 9, -9]  # the widest spread of all, the same in each group
    places = plane(means + noise, ["a", "a", "b", "b", "c", "c"])
    np.testing.assert_allclose(places[::2], places[1::2], atol=1e-5)
    sides = [np.linalg.norm(places[i] - places[j]) for i, j in ((0, 2), (0, 4), (2, 4))]
    np.testing.assert_allclose(sides, np.sqrt(2), atol=1e-5)


def test_the_plane_of_one_group_is_its_widest_spread() -> None:
    vectors = np.zeros((3, 4), np.float32)
    vectors[:, 3] = [0, 1, 2]
    np.testing.assert_allclose(np.abs(plane(vectors, ["a"] * 3)[:, 0]), [1, 0, 1], atol=1e-6)


@pytest.fixture
def stored(base: ModelVersion, home: Scenario) -> ModelVersion:
    items = [
        Item.objects.create(source="testsite.product", object_id=str(number), title=f"Tea {number}")
        for number in range(4)
    ]
    store.create(base.pk)
    store.load_vectors(base.pk, [(item.pk, np.eye(64, dtype=np.float32)[at]) for at, item in enumerate(items)])
    store.attach(base.pk)
    for item in items[:3]:
        ItemScore.objects.create(scenario=home, item=item, popular=float(item.object_id))
    return base


def test_the_most_popular_items_are_drawn(stored: ModelVersion) -> None:
    chart = item_map(stored)
    assert chart is not None and chart.rows == [["items", "3"]]
    assert "Tea 2" in chart.svg and "Tea 3" not in chart.svg


def test_a_transfer_shows_the_items_of_its_base(stored: ModelVersion, home: Scenario) -> None:
    child = ModelVersion.objects.create(kind="transfer", parent=stored, scenario=home, metrics=stored.metrics)
    assert item_map(child) is not None


def test_a_version_without_vectors_has_no_map(base: ModelVersion) -> None:
    assert item_map(base) is None
