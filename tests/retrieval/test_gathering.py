"""What goes with a history: the same sum as an evaluation's."""

from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.inference.blend import combine
from mtrec_django.retrieval.gathering import Gathered, gather, pack


def test_it_is_what_an_evaluation_sums() -> None:
    rng = np.random.default_rng(0)
    others = np.stack([rng.choice(40, 8, replace=False) for _ in range(5)]).astype(np.int32)
    strengths = rng.random((5, 8)).astype(np.float32)
    history = (0.8 ** np.arange(5)).astype(np.float32)
    expected = dict(zip(*map(np.ndarray.tolist, combine(history, others, strengths)), strict=True))
    got = gather(history, [pack(*row) for row in zip(others, strengths, strict=True)])
    assert dict(zip(got.items.tolist(), got.strengths.tolist(), strict=True)) == pytest.approx(expected, rel=1e-6)
    assert got.strongest(3) == list(expected)[:3]


def test_lists_differ_in_length_and_may_be_missing() -> None:
    big = 2**60
    got = gather(np.array([1, 0.5, 0.5, 1], np.float32), [None, pack([big, 2], [1, 1]), pack([2], [4]), b""])
    assert got.items.tolist() == [2, big]
    assert got.strengths.tolist() == [2.5, 0.5]
    assert got.partners.tolist() == [2, 1]


def test_what_does_not_go_with_it() -> None:
    got = gather(np.ones(1, np.float32), [pack([5], [1])])
    strengths, partners = got.of(np.array([4, 5, 6]))
    assert strengths.tolist() == [0, 1, 0]
    assert partners.tolist() == [-1, 0, -1]


def test_nothing_goes_with_nothing() -> None:
    for got in (Gathered(), gather(np.empty(0, np.float32), []), gather(np.ones(1, np.float32), [None])):
        assert got.strongest(5) == []
        assert got.of(np.array([1]))[0].tolist() == [0]


def test_what_counts_against_an_item_is_no_candidate() -> None:
    assert gather(np.array([-1], np.float32), [pack([5], [1])]).strongest(5) == []
