from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.representation import nearest as module
from mtrec_django.representation.nearest import nearest, top


def test_nearest_are_the_largest_products_in_order() -> None:
    known = np.array([[1.0, 0], [0, 1], [0.6, 0.8]], np.float32)
    found, scores = nearest(np.array([[1.0, 0]], np.float32), known, 2)
    assert found.tolist() == [[0, 2]]
    np.testing.assert_allclose(scores, [[1, 0.6]])


def test_equal_products_are_ranked_by_position() -> None:
    found, _ = nearest(np.ones((1, 1), np.float32), np.ones((6, 1), np.float32), 6)
    assert found.tolist() == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize(("width", "n"), [(5, 9), (40, 10), (700, 10), (703, 3), (1, 1)])
def test_the_best_of_each_row_are_those_that_sorting_all_finds(width: int, n: int) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 50, (20, width)).astype(np.float32)  # many are equal
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    scores[0] = -np.inf
    scores[1, 2:] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    values = np.take_along_axis(scores, order, axis=1)
    found, best = top(scores, n)
    np.testing.assert_array_equal(found, np.where(values > -np.inf, order, -1))
    np.testing.assert_array_equal(best, values)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT", 0)


def test_by_clusters_nearly_all_of_the_true_nearest_are_found(large: None) -> None:
    rng = np.random.default_rng(0)
    tastes = rng.standard_normal((40, 16))
    rows = (tastes[np.arange(4000) % 40] + 0.5 * rng.standard_normal((4000, 16))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found, scores = nearest(rows[:300], rows, 10)
    exact = np.argsort(-(rows[:300] @ rows.T), axis=1)[:, :10]
    right = [len(set(one) & set(other)) for one, other in zip(found.tolist(), exact.tolist(), strict=True)]
    assert np.mean(right) > 9.5
    assert (np.diff(scores, axis=1) <= 0).all()
    np.testing.assert_array_equal(found[:, 0], np.arange(300))


def test_by_clusters_there_are_as_many_as_asked_for(large: None) -> None:
    rows = np.eye(9, dtype=np.float32)
    found, scores = nearest(rows, rows, 9)
    assert (np.sort(found, axis=1) == np.arange(9)).all()
    assert np.isfinite(scores).all()
