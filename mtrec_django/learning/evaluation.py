"""How good lists are: all items ranked, metrics per question, intervals by bootstrap over visitors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..dataset import Floats, Ints, Longs
from ..representation.nearest import top

Doubles = npt.NDArray[np.float64]

COUNTED = 4_000_000
"""Scores compared at once."""
MANY = 3
"""Answers a question of which a ranking finds all places sooner than counting does."""


def hits(lists: Ints, relevant: sparse.csr_matrix) -> npt.NDArray[np.bool_]:
    """Which places of the lists are right. [queries, n]"""
    row = np.broadcast_to(np.arange(len(lists))[:, None], lists.shape)
    width = relevant.shape[1]
    right = relevant.tocoo()
    keys = np.sort(right.row.astype(np.int64) * width + right.col)
    asked = row.astype(np.int64) * width + lists
    if not len(keys):
        return np.zeros(lists.shape, bool)
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return (keys[at] == asked) & (lists >= 0)


def ndcg(hit: npt.NDArray[np.bool_], relevant_count: npt.NDArray[np.integer], k: int = 10) -> Doubles:
    """Normalised discounted cumulative gain at k of each question (Järvelin & Kekäläinen 2002). [queries]"""
    gained = hit[:, :k].astype(np.float64) @ _discount(k)[: hit[:, :k].shape[1]]
    return gained / ideal(relevant_count, k)


def ideal(relevant_count: npt.NDArray[np.integer], k: int = 10) -> Doubles:
    """What the best list of k would gain of so many right answers; 1 where there are none. [queries]"""
    best = np.concatenate([[1], np.cumsum(_discount(k))])
    return best[np.minimum(relevant_count, k)]


def gains(scores: Floats, row: Longs, column: Longs, k: int = 10) -> Doubles:
    """What each right answer gains in the ranking of its row, before it is normalised. [answers]

    Equal scores rank by position; what scores minus infinity is not ranked.

    Args:
        scores: [queries, items]
        row: of each answer. [answers]
        column: of each answer. [answers]
    """
    of = _places if len(row) > MANY * len(scores) and k < scores.shape[1] else _counted
    place = np.where(scores[row, column] > -np.inf, of(scores, row, column, k), k)
    return np.append(_discount(k), 0)[place]


def _places(scores: Floats, row: Longs, column: Longs, k: int) -> Longs:
    """Where answers stand, at most k: all rankings are made. [answers]"""
    place = np.full(scores.shape, k, np.int16)
    best = top(scores, k)[0]
    answered, rank = np.nonzero(best >= 0)
    place[answered, best[answered, rank]] = rank
    return place[row, column].astype(np.int64)


def _counted(scores: Floats, row: Longs, column: Longs, k: int) -> Longs:
    """The same: what outranks each answer is counted, several times as fast where there are few. [answers]"""
    out, step = np.full(len(row), k), max(1, COUNTED // max(scores.shape[1], 1))
    for some in (slice(first, first + step) for first in range(0, len(row), step)):
        ranked, own = scores[row[some]], scores[row[some], column[some]][:, None]
        place = np.count_nonzero(ranked > own, axis=1)
        close = np.flatnonzero(place < k)
        before = np.arange(scores.shape[1]) < column[some][close, None]
        place[close] += np.count_nonzero((ranked[close] == own[close]) & before, axis=1)
        out[some] = np.minimum(place, k)
    return out


def _discount(k: int) -> Doubles:
    """What a right answer gains at each of the first k places. [k]"""
    return 1 / np.log2(np.arange(2, k + 2))


def per_query(lists: Ints, relevant: sparse.csr_matrix, *, catalogue: int = 0) -> dict[str, Doubles]:
    """Every metric of every question; accuracy only where the size of the catalogue is given. [queries] each

    Accuracy counts what is shown and wanted or neither, over the catalogue: it is near 1 for any list, since nearly
    everything is neither.
    """
    hit = hits(lists, relevant)
    count = np.asarray(relevant.sum(axis=1)).ravel().astype(np.int64)
    any_right = np.maximum(count, 1)
    found = hit[:, :10].sum(axis=1)
    precision, recall = found / 10, found / any_right
    first = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, np.inf)
    values = {
        "ndcg@10": ndcg(hit, count),
        "recall@10": recall,
        "recall@50": hit[:, :50].sum(axis=1) / any_right,
        "precision@10": precision,
        "f1@10": 2 * precision * recall / np.maximum(precision + recall, 1e-12),
        "hit@10": (found > 0).astype(np.float64),
        "mrr@10": np.where(first <= 10, 1 / first, 0),
        "mrr@50": np.where(first <= 50, 1 / first, 0),
    }
    if catalogue:
        wrong = (lists[:, :10] >= 0).sum(axis=1) - found + (count - found)
        values["accuracy@10"] = 1 - wrong / catalogue
    return values


def measure(
    lists: Ints,
    relevant: sparse.csr_matrix,
    *,
    counts: npt.NDArray[np.number],
    catalogue: int,
    similar: Floats | None = None,
) -> dict[str, float]:
    """The means over all questions, and what the lists are like as a whole.

    coverage@10: share of the catalogue that some list shows; novelty@10: mean surprise in bits of what is shown;
    popularity@10: mean rank share of what is shown, 1 for only the most popular; diversity@10: 1 - mean cosine of two
    of a list by their features.
    """
    each = per_query(lists, relevant, catalogue=catalogue)
    out = {name: float(values.mean()) if len(values) else 0.0 for name, values in each.items()}
    top = lists[:, :10]
    shown = top[top >= 0]
    share = (counts + 1) / (counts.sum() + len(counts))
    rank = np.argsort(np.argsort(counts, kind="stable"), kind="stable") / max(len(counts) - 1, 1)
    out["coverage@10"] = len(np.unique(shown)) / max(catalogue, 1)
    out["novelty@10"] = float(-np.log2(share[shown]).mean()) if len(shown) else 0.0
    out["popularity@10"] = float(rank[shown].mean()) if len(shown) else 0.0
    if similar is not None:
        out["diversity@10"] = _diversity(top, similar)
    return out


TAIL = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Shares of a catalogue, the most popular items first, at which the long tail is read."""


def long_tail(lists: Ints, counts: npt.NDArray[np.number]) -> list[float]:
    """The share of the lists' first ten places that each share of `TAIL` takes, by popularity in `counts`. [9]"""
    shown = np.bincount(lists[:, :10][lists[:, :10] >= 0], minlength=len(counts))
    taken = np.cumsum(shown[np.argsort(-counts, kind="stable")]) / max(shown.sum(), 1)
    ends = np.ceil(np.array(TAIL) * len(counts)).astype(np.int64) - 1
    return [round(float(share), 4) for share in taken[np.maximum(ends, 0)]] if len(counts) else [0.0] * len(TAIL)


def _diversity(top: Ints, similar: Floats) -> float:
    if not len(top):
        return 0.0
    rows = similar[np.maximum(top, 0)] * (top >= 0)[:, :, None]
    count = (top >= 0).sum(axis=1)
    total = np.square(rows.sum(axis=1)).sum(axis=1) - np.square(rows).sum(axis=(1, 2))
    pairs = np.maximum(count * (count - 1), 1)
    return float(np.mean(1 - total / pairs))


def margin(ours: Doubles, theirs: Doubles, *, seed: int = 0, rounds: int = 1000) -> dict[str, float]:
    """By how much ours is better, with the 95 % interval of a paired bootstrap over visitors."""
    return margins(ours, {"": theirs}, seed=seed, rounds=rounds)[""]


def margins(
    ours: Doubles, others: Mapping[str, Doubles], *, seed: int = 0, rounds: int = 1000
) -> dict[str, dict[str, float]]:
    """The same beside each of several, by the same visitors drawn."""
    differences = np.stack([ours - theirs for theirs in others.values()]) if others else np.empty((0, 0))
    lows, highs = intervals(differences, seed=seed, rounds=rounds)
    return {
        name: _margin(ours, theirs, low, high)
        for (name, theirs), low, high in zip(others.items(), lows.tolist(), highs.tolist(), strict=True)
    }


def _margin(ours: Doubles, theirs: Doubles, low: float, high: float) -> dict[str, float]:
    difference = ours - theirs
    if not len(difference):
        return {"mean": 0.0, "low": 0.0, "high": 0.0, "ratio": 1.0, "n": 0}
    ratio = float(ours.mean() / theirs.mean()) if theirs.mean() > 0 else float("inf") if ours.mean() > 0 else 1.0
    return {
        "mean": float(difference.mean()),
        "low": low,
        "high": high,
        "ratio": ratio if np.isfinite(ratio) else 1e9,
        "n": len(difference),
    }


def interval(values: Doubles, *, seed: int = 0, rounds: int = 1000) -> tuple[float, float]:
    """The 95 % interval of a mean, by bootstrap over visitors (Efron 1979)."""
    lows, highs = intervals(values[None, :], seed=seed, rounds=rounds)
    return float(lows[0]), float(highs[0])


def intervals(values: Doubles, *, seed: int = 0, rounds: int = 1000) -> tuple[Doubles, Doubles]:
    """The same of several means over the same visitors. [rows, visitors] -> [rows] twice"""
    rows, visitors = values.shape
    if not rows or not visitors:
        return np.zeros(rows), np.zeros(rows)
    rng = np.random.default_rng(seed)
    drawn = np.stack([values[:, rng.integers(0, visitors, visitors)].mean(axis=1) for _ in range(rounds)])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return low, high


def auc(scores: Floats, relevant: npt.NDArray[np.bool_]) -> float:
    """ROC-AUC of one question's scores: the chance that a right item outranks a wrong one."""
    right, wrong = scores[relevant], scores[~relevant]
    if not len(right) or not len(wrong):
        return 0.5
    order = np.sort(wrong)
    below = np.searchsorted(order, right, side="left") + np.searchsorted(order, right, side="right")
    return float(below.mean() / (2 * len(wrong)))
