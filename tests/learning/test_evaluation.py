from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score, roc_auc_score

from mtrec_django.learning.evaluation import TAIL, auc, gains, interval, long_tail, margin, margins, measure, per_query


def relevant(*rows: list[int], items: int = 60) -> sparse.csr_matrix:
    out = np.zeros((len(rows), items), np.float32)
    for row, right in enumerate(rows):
        out[row, right] = 1
    return sparse.csr_matrix(out)


def test_known_answers() -> None:
    lists = np.array([[3, 7, 9] + [-1] * 47, [1, 2, 3] + [-1] * 47])
    values = per_query(lists, relevant([7], [5]))
    np.testing.assert_allclose(values["ndcg@10"], [1 / np.log2(3), 0])
    np.testing.assert_allclose(values["mrr@10"], [0.5, 0])
    np.testing.assert_allclose(values["hit@10"], [1, 0])
    np.testing.assert_allclose(values["recall@50"], [1, 0])
    np.testing.assert_allclose(values["precision@10"], [0.1, 0])


def test_several_right_answers_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((5, 60))
    right = rng.random((5, 60)) < 0.2
    lists = np.argsort(-scores, axis=1)[:, :50]
    values = per_query(lists, sparse.csr_matrix(right.astype(np.float32)))
    wanted = [ndcg_score(right[[row]], scores[[row]], k=10) for row in range(5)]
    np.testing.assert_allclose(values["ndcg@10"], wanted, atol=1e-9)
    np.testing.assert_allclose(
        values["recall@10"], [right[row, lists[row, :10]].sum() / right[row].sum() for row in range(5)]
    )


def test_an_index_outside_a_row_is_not_taken_for_the_next_row() -> None:
    lists = np.full((2, 50), -1)
    assert not per_query(lists, relevant([59], [0]))["hit@10"].any()


def test_what_lists_are_like_as_a_whole() -> None:
    lists = np.array([[0, 1] + [-1] * 48, [0, 2] + [-1] * 48])
    counts = np.array([100, 10, 1, 0])
    similar = np.eye(4, dtype=np.float32)
    out = measure(lists, relevant([0], [3], items=4), counts=counts, catalogue=4, similar=similar)
    assert out["coverage@10"] == pytest.approx(0.75)
    assert out["diversity@10"] == pytest.approx(1.0)
    assert out["popularity@10"] == pytest.approx((1 + 2 / 3 + 1 + 1 / 3) / 4)
    assert out["novelty@10"] > 0


def test_a_margin_is_sure_where_every_visitor_gains_and_unsure_in_noise() -> None:
    rng = np.random.default_rng(0)
    sure = margin(np.full(200, 0.2) + 0.01 * rng.standard_normal(200), np.full(200, 0.1))
    assert sure["low"] > 0.09
    assert sure["ratio"] == pytest.approx(2, rel=0.02)
    noise = margin(rng.random(200), rng.random(200))
    assert noise["low"] < 0 < noise["high"]
    assert margin(np.empty(0), np.empty(0))["n"] == 0


def test_margins_beside_several_are_those_beside_each() -> None:
    rng = np.random.default_rng(0)
    ours, others = rng.random(50), {"one": rng.random(50), "other": rng.random(50)}
    both = margins(ours, others, seed=3)
    for name, theirs in others.items():
        assert both[name] == pytest.approx(margin(ours, theirs, seed=3))
        assert (both[name]["low"], both[name]["high"]) == pytest.approx(interval(ours - theirs, seed=3))
    assert margins(ours, {}) == {}


def test_auc_is_the_chance_to_outrank() -> None:
    rng = np.random.default_rng(0)
    scores, right = rng.integers(0, 9, 40).astype(np.float32), rng.random(40) < 0.3
    assert auc(scores, right) == pytest.approx(roc_auc_score(right, scores))
    assert auc(scores, np.zeros(40, bool)) == 0.5


def test_the_long_tail_of_lists_that_show_two_items() -> None:
    counts = np.arange(100)[::-1]  # item 0 is the most popular one
    lists = np.array([[0, 60], [0, 60], [0, -1], [0, 60]])
    assert dict(zip(TAIL, long_tail(lists, counts), strict=True)) == {
        **dict.fromkeys((0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5), pytest.approx(4 / 7, abs=1e-4)),
        **dict.fromkeys((0.75, 1.0), 1.0),
    }
    assert long_tail(np.full((2, 10), -1), counts) == [0.0] * len(TAIL)


def test_gains_are_those_of_the_lists_however_they_are_found() -> None:
    scores = np.array([[0.5, 0.9, 0.5, -np.inf, 0.5], [0.1, 0.2, 0.3, 0.4, -np.inf]], np.float32)
    row, column = np.repeat([0, 1], 5), np.tile(np.arange(5), 2)
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    expected = [second, 1.0, third, 0.0, 0.0, 0.0, third, second, 1.0, 0.0]
    ranked = gains(scores, row, column, 3)
    counted = np.concatenate([gains(scores, row[[at]], column[[at]], 3) for at in range(10)])
    assert ranked == pytest.approx(expected)
    assert counted == pytest.approx(expected)
