"""The site's own rules: last and absolute. Each takes an order of candidates and gives another; none finds new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .ranking import Ranking

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


def multiplied(ranking: Ranking, factors: Floats) -> Ranking:
    """Boost and bury: each score, counted from the weakest candidate's, times a factor.

    So 1 changes nothing, 2 doubles the lead, and 0 sends an item behind all others. Where nothing was scored but
    candidates stand in the order of their counts, the places count: from 1 for the first down to 0 for the last.

    Args:
        factors: not negative. [candidates]
    """
    lead = _places(ranking.order) if not ranking.parts else ranking.scores - ranking.scores.min(initial=np.inf)
    scores = np.where(factors > 0, lead * factors, -1).astype(np.float32)
    order = ranking.order[np.argsort(-scores[ranking.order], kind="stable")]
    return replace(ranking, order=order, scores=scores)


def _places(order: Longs) -> Floats:
    places = np.empty(len(order), np.float32)
    places[order] = np.linspace(1, 0, len(order), dtype=np.float32)
    return places


def relevant(order: Longs, nearness: Floats, minimum: float) -> Longs:
    """Leave out what is less near than the minimum; what has no nearness stays. The one rule that shortens a list.

    Args:
        nearness: of each candidate to what the visitor did, as a cosine; NaN where unknown. [candidates]
    """
    return order[~(nearness[order] < minimum)]


def diversified(order: Longs, scores: Floats, vectors: Floats, diversity: float, n: int) -> Longs:
    """The first n chosen one by one, each for its score and for being unlike what was chosen already; then the rest.

    Maximal marginal relevance (Carbonell and Goldstein, 1998): (1 - diversity) · score - diversity · likeness to the
    most similar chosen one; scores are scaled to [0, 1] over the candidates.

    Args:
        order: candidates by position, best first.
        vectors: unit length, NaN where there is none, which is like nothing. [candidates, dim]
        diversity: from 0, by score alone, to 1, by difference alone (the first is the best by score).
    """
    if len(order) < 2:
        return order
    pool, known = scores[order], np.nan_to_num(vectors[order])
    spread = float(pool.max() - pool.min())
    relevance = (1 - diversity) * (pool - pool.min()) / (spread or 1.0)
    likeness = np.zeros(len(order), np.float32)  # to the most similar one chosen; before the first, to nothing
    left = np.ones(len(order), bool)
    chosen: list[int] = []
    for _place in range(min(n, len(order))):
        value = relevance - diversity * likeness if chosen else pool
        best = int(np.where(left, value, -np.inf).argmax())
        chosen.append(best)
        left[best] = False
        to_best = known @ known[best]
        likeness = to_best if len(chosen) == 1 else np.maximum(likeness, to_best)
    return np.concatenate([order[chosen], order[left]])


def at_most(order: Longs, categories: Sequence[Mapping[str, Sequence[str]]], limits: Mapping[str, int]) -> Longs:
    """Let no label of a category appear more often than its limit; the surplus goes to the end, for lists too short.

    Args:
        order: candidates by position, best first.
        categories: of each candidate, field -> labels.
        limits: field -> how many items may share a label.
    """
    counts: Counter[tuple[str, str]] = Counter()
    kept, surplus = [], []
    for candidate in order.tolist():
        labels = [(field, label) for field in limits for label in categories[candidate].get(field, ())]
        if any(counts[field, label] >= limits[field] for field, label in labels):
            surplus.append(candidate)
        else:
            counts.update(labels)
            kept.append(candidate)
    return np.array(kept + surplus, np.int64)
