"""The site's rules on lists that are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from mtrec_django.retrieval.ranking import Ranking
from mtrec_django.retrieval.rules import at_most, diversified, multiplied, relevant

NAN = float("nan")


def scored(*scores: float) -> Ranking:
    values = np.array(scores, np.float32)
    return Ranking(np.argsort(-values, kind="stable"), values, {"personal": values})


def floats(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


def test_a_factor_multiplies_the_lead_over_the_weakest() -> None:
    ranking = multiplied(scored(2, 1, 0, -1), floats(1, 2, 1, 1))
    assert ranking.scores.tolist() == [3, 4, 1, 0]
    assert ranking.order.tolist() == [1, 0, 2, 3]
    assert ranking.parts


def test_factors_below_one_bury_and_zero_is_the_end() -> None:
    assert multiplied(scored(2, 1, 0, -1), floats(0.5, 1, 1, 1)).order.tolist() == [1, 0, 2, 3]
    assert multiplied(scored(2, 1, 0, -1), floats(0, 1, 1, 1)).order.tolist() == [1, 2, 3, 0]
    assert multiplied(scored(2, 1, 0, -1), floats(1, 1, 1, 1)).order.tolist() == [0, 1, 2, 3]


def test_by_counts_the_places_are_multiplied() -> None:
    counted = Ranking(np.array([2, 0, 1]), floats(0, 0, 0), {})
    assert multiplied(counted, floats(1, 1, 1)).order.tolist() == [2, 0, 1]
    assert multiplied(counted, floats(3, 1, 1)).order.tolist() == [0, 2, 1]
    assert multiplied(counted, floats(0.1, 1, 0)).order.tolist() == [0, 1, 2]


def test_nothing_to_multiply() -> None:
    assert multiplied(scored(), floats()).order.tolist() == []
    assert multiplied(Ranking(np.array([], np.int64), floats(), {}), floats()).order.tolist() == []


def test_what_is_not_near_enough_is_left_out() -> None:
    nearness = floats(0.5, 0.1, NAN, 0.3)
    assert relevant(np.array([3, 2, 1, 0]), nearness, 0.3).tolist() == [3, 2, 0]
    assert relevant(np.array([3, 2, 1, 0]), nearness, 0.9).tolist() == [2]


VECTORS = np.array([[1, 0], [1, 0], [0.8, 0.6], [0, 1], [NAN, NAN]], np.float32)


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [
        (0.0, [0, 1, 2, 3, 4]),
        # after 0: 1 is worth 0.35 - 0.5, 2 is 0.25 - 0.4, 3 is 0.15 - 0, 4 is 0; then 4, which is like nothing
        (0.5, [0, 3, 4, 1, 2]),
        (1.0, [0, 3, 4, 2, 1]),
    ],
)
def test_marginal_relevance(diversity: float, expected: list[int]) -> None:
    scores = floats(1, 0.7, 0.5, 0.3, 0)
    assert diversified(np.arange(5), scores, VECTORS, diversity, 5).tolist() == expected


def test_only_the_first_are_chosen_and_the_rest_keep_their_order() -> None:
    scores = floats(1, 0.7, 0.5, 0.3, 0)
    assert diversified(np.arange(5), scores, VECTORS, 1.0, 2).tolist() == [0, 3, 1, 2, 4]
    assert diversified(np.array([1, 3]), scores, VECTORS, 1.0, 9).tolist() == [1, 3]
    assert diversified(np.array([], np.int64), floats(), VECTORS[:0], 1.0, 3).tolist() == []


def test_equal_scores_are_told_apart_by_difference() -> None:
    assert diversified(np.arange(4), floats(0, 0, 0, 0), VECTORS[:4], 0.5, 4).tolist() == [0, 3, 2, 1]


def test_the_surplus_goes_to_the_end_in_its_order() -> None:
    brands = [{"brand": ["a"]}, {"brand": ["a"]}, {"brand": ["b"]}, {"brand": ["a"]}, {}, {"brand": ["b", "a"]}]
    order = at_most(np.array([0, 1, 3, 2, 5, 4]), brands, {"brand": 2})
    assert order.tolist() == [0, 1, 2, 4, 3, 5]


def test_every_field_has_its_limit() -> None:
    known = [{"brand": ["a"], "shelf": ["x"]}, {"brand": ["b"], "shelf": ["x"]}, {"brand": ["a"], "shelf": ["y"]}]
    assert at_most(np.array([0, 1, 2]), known, {"brand": 1, "shelf": 1}).tolist() == [0, 1, 2]
    assert at_most(np.array([0, 1, 2]), known, {"shelf": 1}).tolist() == [0, 2, 1]


def test_nothing_is_known() -> None:
    assert at_most(np.array([1, 0]), [{}, {}], {"brand": 1}).tolist() == [1, 0]
