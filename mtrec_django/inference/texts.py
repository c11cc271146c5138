"""What is written on items as rows that serving compares: by their cosine an item without any events has its place too.

A row is one byte an axis. Its length says nothing, so the largest axis is made to fill the byte.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]


def pack(rows: Floats) -> Bytes:
    """Rows as they are stored; what says nothing is zero. [items, width]"""
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    return np.rint(127 * rows / np.where(largest > 0, largest, 1)).astype(np.int8)


def unpack(packed: bytes, width: int) -> Floats:
    """Unit rows of stored ones put together, NaN for those that say nothing. [items, width]"""
    rows = np.frombuffer(packed, np.int8).reshape(-1, max(width, 1)).astype(np.float32)
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(size > 0, size, np.float32("nan"))


def likeness(history: Floats, met: Floats, rows: Floats) -> Floats:
    """How much each item is like what was met, by what is written on both. [items]

    Args:
        history: what each event counts, see `Blend.history_weights`. [events]
        met: the row of each event's item, NaN where it has none. [events, width]
        rows: of the items, likewise. [items, width]
    """
    return rows @ (history @ np.nan_to_num(met)).astype(np.float32)
