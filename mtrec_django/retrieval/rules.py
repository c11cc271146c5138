"""The site's own rules: last and absolute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]


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
