from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from mtrec_django.learning.neighbours import (
    Neighbours,
    completed,
    ease,
    item_knn,
    log_prior,
    mixed,
    stressed,
    strongest,
    text_neighbours,
    with_cold,
    with_own,
    without,
)
from mtrec_django.representation.features import ColdPlaces

from .worlds import START, tastes

BOARD = sparse.csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 0, 0]], np.float32))


def test_what_was_had_together_goes_together() -> None:
    for table in (item_knn(BOARD, 3, shrink=0), ease(BOARD, 3, ridge=1.0)):
        assert table.others[:, 0].tolist() == [1, 0, 3, 2]
        assert (table.weights[:, 0] > 0).all()


def test_cosines_are_exact() -> None:
    table = item_knn(BOARD, 3, shrink=0)
    np.testing.assert_allclose(table.weights[0, 0], 2 / np.sqrt(3 * 2))
    assert table.others[0, 1:].tolist() == [-1, -1]


def test_what_goes_with_an_item_elsewhere() -> None:
    bought = sparse.csr_matrix(np.array([[0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0] * 4, [0] * 4], np.float32))
    table = item_knn(BOARD, 3, towards=bought, shrink=0)
    assert table.others.tolist() == [[2, -1, -1], [2, -1, -1], [0, -1, -1], [0, -1, -1]]
    np.testing.assert_allclose(table.weights[0, 0], 2 / np.sqrt(3 * 2))
    np.testing.assert_allclose(table.weights[2, 0], 1 / np.sqrt(2 * 1))


def test_an_item_beside_its_neighbours() -> None:
    table = Neighbours(np.array([[1, 2], [0, -1], [-1, -1]], np.int32), np.array([[3, 1], [2, 0], [0, 0]], np.float32))
    assert with_own(table, 0) is table
    sooner = with_own(table, 1)
    assert sooner.others.tolist() == [[1, 0], [1, 0], [2, -1]]  # the mean row sum is 3
    np.testing.assert_allclose(sooner.weights, [[3, 3], [3, 2], [3, 0]])
    against = with_own(table, -1)
    assert against.others.tolist() == [[1, 0], [0, 1], [2, -1]]
    np.testing.assert_allclose(against.weights, [[3, -3], [2, -3], [-3, 0]])


def test_ease_is_the_closed_form() -> None:
    gram = (BOARD.T @ BOARD).toarray() + np.eye(4)
    inverse = np.linalg.inv(gram)
    wanted = np.where(np.eye(4) > 0, 0, -inverse / np.diag(inverse))
    np.testing.assert_allclose(ease(BOARD, 4, ridge=1.0).matrix().toarray(), np.maximum(wanted, 0), atol=1e-5)


@pytest.mark.parametrize("users", [40, 400])
def test_ease_is_the_same_over_items_and_over_visitors(users: int) -> None:
    had = sparse.random(users, 120, 0.04, "csr", np.float32, np.random.default_rng(1))
    had.data[:] = 1
    inverse = np.linalg.inv((had.T @ had).toarray() + 20 * np.eye(120))
    wanted = np.maximum(np.where(np.eye(120) > 0, 0, -inverse / np.diag(inverse)), 0)
    np.testing.assert_allclose(ease(had, 120, ridge=20.0).matrix().toarray(), wanted, atol=1e-5)


def test_ease_of_a_catalogue_too_large_knows_the_items_with_most_events() -> None:
    table = ease(sparse.vstack([BOARD] * 3).tocsr(), 3, ridge=1.0, most=3)
    assert table.others[:, 0].tolist() == [1, 0, -1, -1]


def test_a_table_is_completed_where_it_is_silent() -> None:
    table = Neighbours(np.array([[1], [0], [-1]], np.int32), np.array([[2.0], [2.0], [0.0]], np.float32))
    other = Neighbours(np.array([[1], [2], [0]], np.int32), np.array([[0.5], [0.5], [0.5]], np.float32))
    made = completed(table, other, np.array([False, False, True]))
    assert made.others.tolist() == [[1], [0], [0]]
    np.testing.assert_allclose(made.weights.ravel(), [2, 2, 2])


def test_alike_texts_are_neighbours_and_silent_items_have_none() -> None:
    similar = np.array([[1, 0], [0.8, 0.6], [0, 1], [0, 0]], np.float32)
    table = text_neighbours(similar, 3)
    assert table.others[0].tolist() == [1, -1, -1]
    assert table.others[1].tolist() == [0, 2, -1]
    assert table.others[3].tolist() == [-1, -1, -1]


def test_a_mixture_is_the_scaled_sum() -> None:
    first = Neighbours(np.array([[1], [0]], np.int32), np.array([[2.0], [2.0]], np.float32))
    second = Neighbours(np.array([[1], [-1]], np.int32), np.array([[5.0], [0.0]], np.float32))
    table = mixed([(1.0, first), (0.5, second)])
    np.testing.assert_allclose(table.weights, [[1.5], [1.0]])
    assert table.others.tolist() == [[1], [0]]


def test_the_strongest_of_each_row_in_order() -> None:
    table = strongest(sparse.csr_matrix(np.array([[0, 3, 1], [0, 0, 0], [2, 5, 4]], np.float32)), 2)
    assert table.others.tolist() == [[1, 2], [-1, -1], [1, 2]]


def test_a_prior_with_a_half_life_forgets() -> None:
    events = tastes(users=1, events=2).events
    weight = np.ones(2, np.float32)
    old = log_prior(events, weight, 72)
    assert old[events.item[0]] == old[events.item[1]]
    late = log_prior(events, weight, 72, half_life=86_400)
    assert late[events.item[0]] < late[events.item[1]]
    np.testing.assert_allclose(np.exp(old).sum(), 1, rtol=1e-5)
    assert START > 0


def test_a_cold_item_goes_with_what_its_like_goes_with() -> None:
    table = item_knn(BOARD, 3, shrink=0)
    alone = without(table, np.array([False, True, False, False]))
    assert alone.others[:2].max() == -1
    likes = ColdPlaces(np.array([1]), np.array([[2]]), np.ones((1, 1), np.float32))
    joined = with_cold(alone, likes, 0.5).matrix().toarray()
    np.testing.assert_allclose(joined[3], [0, 0.5, 1, 0], atol=1e-6)  # 3 goes with 2, so half as much with 1
    np.testing.assert_allclose(joined[1], [0, 0, 0, 0.5], atol=1e-6)
    assert with_cold(alone, likes, 0.0) is alone


def test_some_items_can_be_stressed_in_the_lists_of_others() -> None:
    table = Neighbours(np.array([[1, 2, -1], [0, -1, -1], [-1, -1, -1]], np.int32), np.zeros((3, 3), np.float32))
    table.weights[0, :2], table.weights[1, 0] = (0.5, 0.4), 1
    louder = stressed(table, np.array([False, False, True]), 2.0)
    assert louder.others.tolist() == [[2, 1, -1], [0, -1, -1], [-1, -1, -1]]
    np.testing.assert_allclose(louder.weights[0], [0.8, 0.5, 0])


def test_of_long_rows_the_largest_come_first_and_of_equals_those_that_stand_first() -> None:
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((40, 300)) < 0.5, rng.integers(1, 9, (40, 300)), 0).astype(np.float32)
    table = strongest(sparse.csr_matrix(dense), 7)
    for row, values in enumerate(dense):
        order = np.lexsort((np.arange(300), -values))[:7]
        assert table.others[row].tolist() == order.tolist()
        assert table.weights[row].tolist() == values[order].tolist()
