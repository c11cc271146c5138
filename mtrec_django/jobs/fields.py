"""Labels and numbers of rows that come one by one, as columns: no row is kept as an object."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dataset import Floats, Labels


@dataclass(slots=True)
class _Column:
    """One field's labels so far; rows that never named it have none."""

    index: dict[str, int] = field(default_factory=dict)
    codes: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def add(self, row: int, labels: Iterable[str]) -> None:
        self.fill(row)
        self.codes.extend(self.index.setdefault(label, len(self.index)) for label in labels)
        self.ends.append(len(self.codes))

    def fill(self, rows: int) -> None:
        self.ends.extend([len(self.codes)] * (rows - len(self.ends)))


class Fields:
    """Collects what is known of rows, by field."""

    def __init__(self) -> None:
        self.rows = 0
        self._labels: dict[str, _Column] = {}
        self._numbers: dict[str, tuple[array[int], array[float]]] = {}  # which rows, and their values

    def add(self, labels: Mapping[str, Iterable[str] | None], numbers: Mapping[str, Any]) -> None:
        """The next row; a field may come up late or be missing."""
        for name, words in labels.items():
            self._labels.setdefault(name, _Column()).add(self.rows, words or ())
        for name, number in numbers.items():
            if number is not None:
                rows, values = self._numbers.setdefault(name, (array("q"), array("d")))
                rows.append(self.rows)
                values.append(number)
        self.rows += 1

    def skip_to(self, row: int) -> None:
        """Rows of which nothing is known come before this one."""
        self.rows = row

    def labels(self) -> dict[str, Labels]:
        """Field -> labels of every row."""
        out = {}
        for name, column in sorted(self._labels.items()):
            column.fill(self.rows)
            indptr = np.concatenate([[0], np.frombuffer(column.ends, np.int64)]) if self.rows else np.zeros(1, np.int64)
            codes = np.array(column.codes, np.int32)
            out[name] = Labels(list(column.index), indptr.astype(np.int64), codes)
        return out

    def numbers(self) -> dict[str, Floats]:
        """Field -> number of every row, NaN where it has none."""
        out = {}
        for name, (rows, values) in sorted(self._numbers.items()):
            column = np.full(self.rows, np.nan, np.float32)
            column[np.array(rows, np.int64)] = np.array(values, np.float32)
            out[name] = column
        return out
