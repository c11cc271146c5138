from __future__ import annotations

import json

import numpy as np
import pytest

from mtrec_django.inference.blend import PERSONAL, POPULAR, TOGETHER, Blend, combine, z_scores


def test_scores_are_weighted_z_scores() -> None:
    blend = Blend({PERSONAL: 1.0, POPULAR: 2.0})
    features = {PERSONAL: np.array([1.0, 3.0]), POPULAR: np.array([10.0, 0.0]), TOGETHER: np.array([0.0, 100.0])}
    np.testing.assert_allclose(blend.score(features), [1.0, -1.0], atol=1e-6)


def test_what_is_missing_counts_as_average() -> None:
    np.testing.assert_allclose(z_scores([1.0, np.nan, 3.0]), [-1, 0, 1], atol=1e-6)
    assert not z_scores([np.nan, np.nan]).any()
    assert not z_scores([5.0, 5.0, 5.0]).any()
    assert Blend({PERSONAL: 1.0}).score({}).shape == (0,)
    assert not Blend({PERSONAL: 1.0}).score({POPULAR: np.array([1.0, 2.0])}).any()


def test_rows_of_many_requests_score_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    blend = Blend({PERSONAL: 1.0, TOGETHER: 0.3})
    many = {name: rng.random((4, 9)).astype(np.float32) for name in (PERSONAL, TOGETHER)}
    each = [blend.score({name: values[row] for name, values in many.items()}) for row in range(4)]
    np.testing.assert_allclose(blend.score(many), each, atol=1e-6)


def test_neighbours_are_summed_over_the_history_and_older_events_count_less() -> None:
    blend = Blend(decay=0.5)
    others = np.array([[7, 8, -1], [8, 9, 5]], np.int32)
    strengths = np.array([[1.0, 0.5, 0.0], [0.6, 0.4, 0.1]], np.float32)
    items, scores = combine(blend.history_weights(["view", "view"]), others, strengths)
    assert items.tolist() == [7, 8, 9, 5]
    np.testing.assert_allclose(scores, [1.0, 0.8, 0.2, 0.05])


def test_kinds_and_the_own_place_weigh_as_the_blend_says() -> None:
    blend = Blend(decay=0.5, kinds={"view": 0.1}, here=2.0)
    weights = blend.history_weights(["view", "purchase"], np.array([True, False]))
    np.testing.assert_allclose(weights, [0.2, 0.5])


def test_an_empty_history_goes_with_nothing() -> None:
    items, scores = combine(np.empty(0, np.float32), np.empty((0, 3), np.int32), np.empty((0, 3), np.float32))
    assert len(items) == len(scores) == 0


def test_json_is_read_back_and_unknown_keys_are_ignored() -> None:
    blend = Blend({PERSONAL: 0.75}, decay=0.9, kinds={"view": 0.5}, here=3.0)
    stored = json.loads(json.dumps(blend.to_json())) | {"from the future": 1}
    assert Blend.from_json(stored) == blend
    assert Blend.from_json({}) == Blend()
    with pytest.raises(AttributeError):
        blend.decay = 1.0  # type: ignore[misc]
