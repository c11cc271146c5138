from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.dataset import ELSEWHERE, NO_SCENARIO, Dataset, Events, Goal, Items, Labels, Users


def data() -> Dataset:
    events = Events(
        np.array([0, 0, 2, 2], np.int32),
        np.array([1, 0, 1, 1], np.int32),
        np.array([0, 1, 0, 1], np.int32),
        np.array([0, NO_SCENARIO, 1, ELSEWHERE], np.int32),
        np.ones(4, np.float32),
        np.arange(4),
    )
    goals = [Goal("home", {"view": 1, "purchase": 5}), Goal("basket", {"purchase": 1})]
    items = Items(np.array(["a", "b"]), np.array([[0, 0], [0, 1]], np.float32))
    return Dataset(items, Users(np.arange(3)), events, ["view", "purchase"], goals, np.ones((2, 2), bool))


def test_weights_count_events_here_or_nowhere() -> None:
    assert data().weight(0).tolist() == [1, 5, 0, 0]
    assert data().weight(1).tolist() == [0, 1, 0, 0]


def test_bounds_of_each_visitor() -> None:
    assert data().events.indptr(3).tolist() == [0, 2, 2, 4]
    assert len(data().events[1:3]) == 2


def test_scenarios_are_found_by_name() -> None:
    assert data().scenario("basket") == 1
    with pytest.raises(LookupError, match="'cellar'"):
        data().scenario("cellar")


def test_labels_keep_rows() -> None:
    labels = Labels.from_rows([["a", "b"], [], ["b"]])
    assert [labels.row(row) for row in range(3)] == [["a", "b"], [], ["b"]]
    assert labels.names == ["a", "b"]
    assert len(labels) == 3
    assert data().items.has_content.tolist() == [False, True]


def test_a_part_of_labels_has_their_rows() -> None:
    labels = Labels.from_rows([["a"], [], ["b", "a"], ["c"]])
    part = labels.part(1, 3)
    assert len(part) == 2
    assert [part.row(position) for position in range(2)] == [[], ["b", "a"]]
