"""Columns that grow on disk: for more rows than memory should hold, at a few bytes each. numpy only."""

from __future__ import annotations

import mmap
import tempfile
from contextlib import ExitStack
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Columns:
    """Rows come in blocks and go to one temporary file a column; they come back as arrays that are paged in when read.

    The files have no name: whatever ends the process, nothing is left on the disk. The arrays outlive the columns.

        with Columns(user=np.int32, content=(np.float16, (384,))) as columns:
            columns.append(user=users, content=vectors)
            arrays = columns.arrays()
    """

    def __init__(self, **types: npt.DTypeLike) -> None:
        self.types = {name: np.dtype(kind) for name, kind in types.items()}
        self.stack = ExitStack()
        self.files = {name: self.stack.enter_context(tempfile.TemporaryFile()) for name in types}  # noqa: SIM115
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stack.close()

    def append(self, **block: Array) -> None:
        """Add rows; every column is named and all are equally long."""
        if block.keys() != self.types.keys() or len({len(column) for column in block.values()}) != 1:
            raise ValueError(f"not one block of {list(self.types)}: {[(name, len(block[name])) for name in block]}")
        for name, column in block.items():
            self.files[name].write(np.ascontiguousarray(column, self.types[name].base).data)
        self.rows += len(next(iter(block.values())))

    def arrays(self) -> dict[str, Array]:
        """All rows so far, by column; what is written into the arrays stays in memory."""
        return {name: self._array(name) for name in self.types}

    def _array(self, name: str) -> Array:
        kind = self.types[name]
        shape = (self.rows, *kind.shape)
        if not self.rows:
            return np.empty(shape, kind.base)
        self.files[name].flush()
        return np.asarray(np.memmap(self.files[name], kind.base, mode="c", shape=shape))


def on_disk(array: Array) -> Array:
    """The same rows in a column of their own."""
    with Columns(rows=(array.dtype, array.shape[1:])) as columns:
        columns.append(rows=array)
        return columns.arrays()["rows"]


def release(array: Array) -> None:
    """Let the pages of an array of `Columns` go out of memory; they are read again when wanted. Others are left be."""
    owner: Any = array
    while owner is not None and not isinstance(owner, mmap.mmap):
        owner = getattr(owner, "base", None)
    if owner is not None and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
