"""The site's rules on lists that are known."""

from __future__ import annotations

import numpy as np

from mtrec_django.retrieval.rules import at_most


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
