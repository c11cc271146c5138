"""What goes with what: item to item tables from who had both. scipy and numpy; torch only for the large inverse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..columns import on_disk, release
from ..dataset import Events, Floats, Ints
from ..representation.features import ColdPlaces
from ..representation.nearest import nearest

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The strongest neighbours of every item."""

    others: Ints  # [items, n], -1 where there are fewer
    weights: Floats  # [items, n]

    def on_disk(self) -> Neighbours:
        """The same in columns on disk."""
        return Neighbours(on_disk(self.others), on_disk(self.weights))

    def matrix(self) -> sparse.csr_matrix:
        """The table as a sparse matrix: row, what was had; column, what goes with it. [items, items]"""
        items = len(self.others)
        there = self.others >= 0
        indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        weights, others = self.weights[there], self.others[there]
        release(self.others)
        release(self.weights)
        return sparse.csr_matrix((weights, others, indptr), shape=(items, items))


def had(events: Events, weight: Floats, users: int, items: int) -> sparse.csr_matrix:
    """Who had what, ones and zeros, from the events of a positive weight. [users, items]"""
    wanted = weight > 0
    ones = np.ones(int(wanted.sum()), np.float32)
    matrix = sparse.csr_matrix((ones, (events.user[wanted], events.item[wanted])), shape=(users, items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def item_knn(
    matrix: sparse.csr_matrix,
    n: int = 100,
    *,
    towards: sparse.csr_matrix | None = None,
    shrink: float = 10.0,
    chunk: int = 2000,
) -> Neighbours:
    """Cosine of item columns, shrunk where few had both (Sarwar et al. 2001).

    With `towards` the other item's column is taken from there: what goes with an item in another matrix of the same
    visitors.
    """
    items, towards = matrix.shape[1], matrix if towards is None else towards
    columns, norms = matrix.T.tocsr(), _norms(matrix)
    others = norms if towards is matrix else _norms(towards)
    out = Neighbours(np.full((items, n), -1, np.int32), np.zeros((items, n), np.float32))
    for first in range(0, items, chunk):
        both = (columns[first : first + chunk] @ towards).tocoo()
        row = both.row + first
        off = row != both.col
        value = both.data / (norms[row] * others[both.col] + shrink)
        block = sparse.csr_matrix((value[off], (both.row[off], both.col[off])), shape=both.shape)
        _put_strongest(out, first, block)
    return out


def _norms(matrix: sparse.csr_matrix) -> Floats:
    """Length of every column. [items]"""
    return np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())


def ease(matrix: sparse.csr_matrix, n: int = 100, *, ridge: float = 100.0, most: int = 8_000) -> Neighbours:
    """EASE (Steck 2019), its table cut to the strongest n of each row.

    Solved over the items or, by Woodbury's identity, over the visitors, whichever are fewer; where both are more than
    `most`, over the items with the most events, and the rest have no neighbours. Time grows with the cube of that
    number, memory with its square.
    """
    items = matrix.shape[1]
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    lone = np.asarray(matrix.sum(axis=1)).ravel() < 2
    several = matrix[~lone]
    known = int((counts > 0).sum())
    enough = min(known, most) if several.shape[0] > most else known
    if enough < items:
        kept = np.sort(np.argsort(-counts, kind="stable")[:enough])
        return _widened(ease(matrix[:, kept], n, ridge=ridge, most=most), kept, items)
    diagonal = (ridge + np.asarray(matrix[lone].sum(axis=0)).ravel()).astype(np.float32)
    by_items = items <= 1.5 * several.shape[0]
    return _ease_by_items(several, n, diagonal) if by_items else _ease_by_visitors(several, n, diagonal)


def _widened(table: Neighbours, kept: npt.NDArray[np.integer], items: int) -> Neighbours:
    """The table of some items as one of all; the others have no neighbours."""
    shape = (items, table.others.shape[1])
    out = Neighbours(np.full(shape, -1, np.int32), np.zeros(shape, np.float32))
    if len(kept):
        out.others[kept] = np.where(table.others >= 0, kept[table.others], -1)
        out.weights[kept] = table.weights
    return out


def _ease_by_items(matrix: sparse.csr_matrix, n: int, diagonal: Floats) -> Neighbours:
    """The inverse of the Gram matrix of the items; `diagonal` is added to it. [items]"""
    import torch

    gram = torch.from_numpy(np.asarray((matrix.T @ matrix).todense(), np.float32))
    gram.diagonal().add_(torch.from_numpy(diagonal))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    del gram
    inverse /= -inverse.diagonal().clone()[None, :]
    inverse.fill_diagonal_(0)
    return _strongest_dense([inverse], n)


def _ease_by_visitors(matrix: sparse.csr_matrix, n: int, diagonal: Floats, *, chunk: int = 1000) -> Neighbours:
    """The same by the inverse of a matrix of the visitors: D^-1 - Y' (1 + X Y')^-1 Y with Y = X D^-1."""
    import torch

    items = matrix.shape[1]
    scaled = (matrix @ sparse.diags((1 / diagonal).astype(np.float32))).tocsr()
    inner = torch.from_numpy(np.asarray((matrix @ scaled.T).todense(), np.float32))
    inner.diagonal().add_(1.0)
    inner = torch.cholesky_inverse(torch.linalg.cholesky(inner)) if len(inner) else inner
    columns, kernel = scaled.T.tocsr(), inner.mT.contiguous().numpy()  # by rows, or each product copies all of it

    def blocks() -> Iterator[tuple[int, Floats]]:
        for first in range(0, items, chunk):
            yield first, columns[first : first + chunk] @ kernel  # [chunk, visitors]

    own = np.concatenate(
        [np.asarray(columns[first : first + chunk].multiply(block).sum(axis=1)).ravel() for first, block in blocks()]
    )
    inverse_diagonal = torch.from_numpy((1 / diagonal - own).astype(np.float32))

    def rows() -> Iterator[Tensor]:
        for first, block in blocks():
            row = torch.from_numpy(np.ascontiguousarray((columns @ np.ascontiguousarray(block.T)).T))
            row /= inverse_diagonal[None, :]
            row[torch.arange(len(row)), torch.arange(first, first + len(row))] = 0
            yield row

    return _strongest_dense(rows(), n)


def _strongest_dense(blocks: Iterable[Tensor], n: int) -> Neighbours:
    """The n largest positive weights of each row."""
    import torch

    others, weights = [], []
    for block in blocks:
        value, other = torch.topk(block, min(n, block.shape[1]), dim=1)
        others.append(np.where(value.numpy() > 0, other.numpy(), -1).astype(np.int32))
        weights.append(np.maximum(value.numpy(), 0).astype(np.float32))
    return Neighbours(np.vstack(others), np.vstack(weights))


def text_neighbours(similar: Floats, n: int = 100, *, chunk: int = 65_536) -> Neighbours:
    """The most alike by what is written on them; items without features have none."""
    known = np.any(similar != 0, axis=1)
    found, scores = nearest(similar, similar, n + 1)
    out = Neighbours(np.full((len(similar), n), -1, np.int32), np.zeros((len(similar), n), np.float32))
    for first in range(0, len(similar), chunk):
        rows = slice(first, first + chunk)
        others, weights = found[rows], scores[rows]
        good = (others != np.arange(first, first + len(others))[:, None]) & (weights > 0)
        good &= known[rows, None] & known[others]
        order = np.argsort(~good, axis=1, kind="stable")[:, :n]
        good, width = np.take_along_axis(good, order, axis=1), order.shape[1]
        out.others[rows, :width] = np.where(good, np.take_along_axis(others, order, axis=1), -1)
        out.weights[rows, :width] = np.where(good, np.take_along_axis(weights, order, axis=1), 0)
    return out


def strongest(matrix: sparse.csr_matrix, n: int, *, chunk: int = 65_536) -> Neighbours:
    """The n largest of each row, descending."""
    matrix = matrix.tocsr()
    rows = matrix.shape[0]
    out = Neighbours(np.full((rows, n), -1, np.int32), np.zeros((rows, n), np.float32))
    for first in range(0, rows, chunk):
        _put_strongest(out, first, matrix[first : first + chunk])
    return out


def _put_strongest(out: Neighbours, first: int, block: sparse.csr_matrix) -> None:
    """Fill the rows from `first` with the largest of the block's."""
    block, n = thinned(block, out.others.shape[1]), out.others.shape[1]
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    order = np.lexsort((-block.data, row))
    rank = np.arange(len(row)) - np.repeat(block.indptr[:-1], np.diff(block.indptr))
    top = rank < n
    out.others[first + row[top], rank[top]] = block.indices[order][top]
    out.weights[first + row[top], rank[top]] = block.data[order][top]


def thinned(block: sparse.csr_matrix, n: int) -> sparse.csr_matrix:
    """The same rows without what cannot be among their n largest: sorting all of a long row takes most of the time."""
    size = np.diff(block.indptr)
    least = np.full(len(size), -np.inf, np.float32)
    for row in np.flatnonzero(size > n):
        values = block.data[block.indptr[row] : block.indptr[row + 1]]
        least[row] = np.partition(values, len(values) - n)[len(values) - n]
    kept = block.data >= np.repeat(least, size)
    indptr = np.concatenate([[0], np.cumsum(kept)])[block.indptr]
    return sparse.csr_matrix((block.data[kept], block.indices[kept], indptr), shape=block.shape)


def mixed(parts: list[tuple[float, Neighbours]]) -> Neighbours:
    """One table of several, as wide as the widest: each scaled to a mean row sum of 1, then weighted and summed."""
    items, n = len(parts[0][1].others), max(table.others.shape[1] for _, table in parts)
    total = sparse.csr_matrix((items, items), dtype=np.float32)
    for share, table in parts:
        matrix = table.matrix()
        total = total + matrix * np.float32(share / _mean_row_sum(matrix))
    return strongest(total.tocsr(), n)


def completed(table: Neighbours, other: Neighbours, silent: npt.NDArray[np.bool_]) -> Neighbours:
    """The table, and what another one says of the pairs with a silent item, at the same mean row sum. [items]"""
    matrix, more = table.matrix().tocsr(), other.matrix().tocoo()
    fresh = silent[more.row] | silent[more.col]
    scale = _mean_row_sum(matrix) / _mean_row_sum(more)
    added = sparse.csr_matrix(
        (more.data[fresh] * np.float32(scale), (more.row[fresh], more.col[fresh])), shape=matrix.shape
    )
    return strongest(matrix + added, table.others.shape[1])


def with_own(table: Neighbours, own: float) -> Neighbours:
    """The table with each item beside its neighbours, in place of the weakest.

    `own` is a share of the mean row sum. Above 0 what was met is shown again sooner, below 0 it is not.
    """
    if not own:
        return table
    items, n = table.others.shape
    others, weights = table.others.copy(), table.weights.copy()
    last = np.minimum((others >= 0).sum(axis=1), n - 1)
    others[np.arange(items), last] = np.arange(items)
    weights[np.arange(items), last] = own * _mean_row_sum(table.matrix())
    order = np.argsort(np.where(others >= 0, -weights, np.inf), axis=1, kind="stable")
    return Neighbours(np.take_along_axis(others, order, axis=1), np.take_along_axis(weights, order, axis=1))


def with_cold(table: Neighbours, places: ColdPlaces, share: float, *, chunk: int = 4096) -> Neighbours:
    """The table, in which cold items go with what their nearest ones go with, a share as strongly.

    Both ways: they stand in the lists of others, and have one.
    """
    if share <= 0 or not len(places.cold):
        return table
    items, matrix = len(table.others), table.matrix()
    spoken = places.matrix(items) * np.float32(share)
    speaks = spoken.T.tocsr()
    out = Neighbours(np.full_like(table.others, -1), np.zeros_like(table.weights))
    for first in range(0, items, chunk):
        rows = matrix[first : first + chunk]
        _put_strongest(out, first, (rows + rows @ spoken + speaks[first : first + chunk] @ matrix).tocsr())
    return out


def stressed(table: Neighbours, chosen: npt.NDArray[np.bool_], factor: float) -> Neighbours:
    """The table, some items so many times as strong in the lists of others. [items]"""
    if factor == 1:
        return table
    weights = np.where((table.others >= 0) & chosen[table.others], table.weights * np.float32(factor), table.weights)
    order = np.argsort(np.where(table.others >= 0, -weights, np.inf), axis=1, kind="stable")
    return Neighbours(np.take_along_axis(table.others, order, axis=1), np.take_along_axis(weights, order, axis=1))


def without(table: Neighbours, gone: npt.NDArray[np.bool_]) -> Neighbours:
    """The table as if nobody had met some items. [items]"""
    left = (table.others >= 0) & ~gone[table.others] & ~gone[:, None]
    return Neighbours(np.where(left, table.others, -1), np.where(left, table.weights, 0).astype(np.float32))


def _mean_row_sum(matrix: sparse.spmatrix) -> float:
    rows = np.asarray(matrix.sum(axis=1)).ravel()
    return max(float(rows[rows > 0].mean()) if (rows > 0).any() else 1.0, 1e-12)


def log_prior(
    events: Events, weight: Floats, items: int, *, half_life: float = 0.0, now: int | None = None
) -> npt.NDArray[np.float32]:
    """Log of each item's share of what was wanted; with a half-life in seconds, of late. [items]"""
    counted = np.maximum(weight, 0).astype(np.float64)
    if half_life > 0 and len(events):
        until = int(events.time.max()) if now is None else now
        counted = counted * 0.5 ** (np.maximum(until - events.time, 0) / half_life)
    counts = np.bincount(events.item, counted, minlength=items)
    return np.log((counts + 1) / (counts.sum() + items)).astype(np.float32)
