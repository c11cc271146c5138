"""Rows out of Postgres by binary COPY: a few bytes a row, no object a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

_HEADER_BYTES = 19
_TRAILER_BYTES = 2


def row_type(columns: Sequence[tuple[str, str]]) -> np.dtype[Any]:
    """What one row looks like: a 2-byte count of columns, then a 4-byte length and the big-endian value of each."""
    fields: list[tuple[str, str]] = [("columns", ">i2")]
    for name, kind in columns:
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(fields)


def copy_rows(query: str, params: Sequence[Any], columns: Sequence[tuple[str, str]]) -> npt.NDArray[Any]:
    """The rows of a query whose columns are all fixed in width and never null; fields by name. [rows]"""
    buffer = bytearray()
    connection.ensure_connection()
    # Django's wrapper of a cursor, when it logs queries, knows COPY without parameters only.
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f"copy ({query}) to stdout (format binary)", params) as out,
    ):
        for data in out:
            buffer += data
    return np.frombuffer(memoryview(buffer)[_HEADER_BYTES : len(buffer) - _TRAILER_BYTES], row_type(columns))
