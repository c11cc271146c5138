"""What is written on items as rows that serving compares: by their cosine an item without any events has its place too.

A row is one byte an axis. Its length says nothing, so the largest axis is made to fill the byte.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]

CHUNK = 65_536
"""Rows that are packed at once."""


def pack(rows: Floats) -> Bytes:
    """Rows as they are stored; what says nothing is zero. [items, width]"""
    out = np.empty(rows.shape, np.int8)
    for some in (slice(first, first + CHUNK) for first in range(0, len(rows), CHUNK)):  # all in floats fill a memory
        largest = np.abs(rows[some]).max(axis=1, keepdims=True, initial=0)
        out[some] = np.rint(127 * rows[some] / np.where(largest > 0, largest, 1))
    return out


def unpack(packed: bytes, width: int) -> Floats:
    """Unit rows of stored ones put together, NaN for those that say nothing. [items, width]"""
    rows = np.frombuffer(packed, np.int8).reshape(-1, max(width, 1)).astype(np.float32)
    size = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    rows *= 1 / np.where(size > 0, size, np.float32("nan"))
    return rows


def likeness(met: Floats, rows: Floats) -> Floats:
    """How much each item is like what was met, by what is written on both. [items]

    Args:
        met: the row of each event's item, times what the event counts; NaN where it has none. [events, width]
        rows: of the items, likewise. [items, width]
    """
    return rows @ np.nan_to_num(met).sum(axis=0)
