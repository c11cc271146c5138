"""Ranges of rows, all at once."""

from __future__ import annotations

import numpy as np

from ..dataset import Longs


def expand(begin: Longs, end: Longs) -> tuple[Longs, Longs]:
    """Every row of every range, with the range it belongs to."""
    size = end - begin
    query = np.repeat(np.arange(len(begin)), size)
    row = np.arange(len(query)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(begin, size)
    return query, row
