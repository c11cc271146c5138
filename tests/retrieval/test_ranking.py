"""The order of candidates that are known."""

from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.conf import DIM
from mtrec_django.inference.blend import Blend
from mtrec_django.retrieval.found import Candidates
from mtrec_django.retrieval.ranking import rank

NAN = float("nan")


def candidates(trending: list[float], days: list[float], **features: list[float]) -> Candidates:
    count = len(trending)
    every = {name: [0.0] * count for name in ("personal", "together", "popular", "fresh")} | features
    return Candidates(
        items=np.arange(100, 100 + count),
        labels=["a.b"] * count,
        object_ids=[str(row) for row in range(count)],
        found_by=[frozenset()] * count,
        features={name: np.array(values, np.float32) for name, values in every.items()},
        trending=np.array(trending, np.float32),
        days=np.array(days),
        partners={},
        vectors=np.full((count, DIM), np.nan, np.float32),
        categories=[{}] * count,
        marks=np.empty((count, 0), np.bool_),
    )


def test_by_the_blend() -> None:
    found = candidates([0] * 3, [0] * 3, personal=[0.1, 0.9, 0.5], popular=[9, 0, 1])
    assert rank(found, Blend({"personal": 1.0})).order.tolist() == [1, 2, 0]
    assert rank(found, Blend({"popular": 1.0})).order.tolist() == [0, 2, 1]
    ranking = rank(found, Blend({"personal": 1.0, "popular": 0.5}))
    np.testing.assert_allclose(ranking.scores, sum(ranking.parts.values()), rtol=1e-5)


def test_unknown_counts_as_average() -> None:
    found = candidates([0] * 3, [0] * 3, personal=[0.1, NAN, 0.9])
    assert rank(found, Blend({"personal": 1.0})).order.tolist() == [2, 1, 0]


def test_equals_are_in_the_order_of_items() -> None:
    found = candidates([0] * 4, [0] * 4, personal=[0.5] * 4)
    assert rank(found, Blend({"personal": 1.0})).order.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("blend", [None, Blend({"personal": 1.0})])
def test_nothing_found(blend: Blend | None) -> None:
    assert rank(candidates([], []), blend).order.tolist() == []


def test_without_a_blend_trend_then_popularity_then_age() -> None:
    found = candidates([0, 5, 0, 0], [1e-9, 9, 9, 2e-9], popular=[0, 0, 3, 0])
    assert rank(found, None).order.tolist() == [1, 2, 0, 3]


def test_of_equal_age_the_later_item_first() -> None:
    assert rank(candidates([0] * 3, [1] * 3), None).order.tolist() == [2, 1, 0]
