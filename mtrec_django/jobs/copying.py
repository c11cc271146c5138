"""Rows out of Postgres by binary COPY: a few bytes a row, no object a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

_HEADER_BYTES = 19
_TRAILER_BYTES = 2

BLOCK_ROWS = 65_536
"""Rows that are in memory at once."""


def row_type(columns: Sequence[tuple[str, str]]) -> np.dtype[Any]:
    """What one row looks like: a 2-byte count of columns, then a 4-byte length and the big-endian value of each."""
    fields: list[tuple[str, str]] = [("columns", ">i2")]
    for name, kind in columns:
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(fields)


def copy_rows(query: str, params: Sequence[Any], columns: Sequence[tuple[str, str]]) -> npt.NDArray[Any]:
    """The rows of a query whose columns are all fixed in width and never null; fields by name. [rows]"""
    blocks = list(copy_blocks(query, params, columns))
    return np.concatenate(blocks) if blocks else np.empty(0, row_type(columns))


def copy_blocks(
    query: str, params: Sequence[Any], columns: Sequence[tuple[str, str]], *, rows: int = BLOCK_ROWS
) -> Iterator[npt.NDArray[Any]]:
    """The same rows in blocks of about `rows`, as they come: never all of them at once. [rows of the block]"""
    kind, buffer, header = row_type(columns), bytearray(), _HEADER_BYTES
    connection.ensure_connection()
    # Django's wrapper of a cursor, when it logs queries, knows COPY without parameters only.
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f"copy ({query}) to stdout (format binary)", params) as out,
    ):
        for data in out:
            buffer += data
            if len(buffer) >= header + rows * kind.itemsize:
                whole = (len(buffer) - header) // kind.itemsize
                yield np.frombuffer(bytes(buffer[header:]), kind, whole)
                buffer, header = buffer[header + whole * kind.itemsize :], 0
    rest = len(buffer) - header - _TRAILER_BYTES
    if rest > 0:
        yield np.frombuffer(bytes(buffer[header:]), kind, rest // kind.itemsize)
