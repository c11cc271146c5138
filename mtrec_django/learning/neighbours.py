"""What goes with what: item to item tables from who had both. scipy and numpy; torch only for the large inverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..dataset import Events, Floats, Ints
from ..representation.nearest import nearest


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The strongest neighbours of every item."""

    others: Ints  # [items, n], -1 where there are fewer
    weights: Floats  # [items, n]

    def matrix(self) -> sparse.csr_matrix:
        """The table as a sparse matrix: row, what was had; column, what goes with it. [items, items]"""
        items = len(self.others)
        there = self.others >= 0
        indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        return sparse.csr_matrix((self.weights[there], self.others[there], indptr), shape=(items, items))


def had(events: Events, weight: Floats, users: int, items: int) -> sparse.csr_matrix:
    """Who had what, ones and zeros, from the events of a positive weight. [users, items]"""
    wanted = weight > 0
    ones = np.ones(int(wanted.sum()), np.float32)
    matrix = sparse.csr_matrix((ones, (events.user[wanted], events.item[wanted])), shape=(users, items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def item_knn(matrix: sparse.csr_matrix, n: int = 100, *, shrink: float = 10.0, chunk: int = 2000) -> Neighbours:
    """Cosine of item columns, shrunk where few had both (Sarwar et al. 2001)."""
    items = matrix.shape[1]
    columns = matrix.T.tocsr()
    norms = np.sqrt(np.asarray(columns.multiply(columns).sum(axis=1)).ravel())
    out = Neighbours(np.full((items, n), -1, np.int32), np.zeros((items, n), np.float32))
    for first in range(0, items, chunk):
        both = (columns[first : first + chunk] @ matrix).tocoo()
        row = both.row + first
        off = row != both.col
        value = both.data / (norms[row] * norms[both.col] + shrink)
        block = sparse.csr_matrix((value[off], (both.row[off], both.col[off])), shape=both.shape)
        _put_strongest(out, first, block)
    return out


def ease(matrix: sparse.csr_matrix, n: int = 100, *, ridge: float = 100.0) -> Neighbours:
    """EASE (Steck 2019), its table cut to the strongest n of each row. Time grows with items^3, memory with items^2."""
    import torch

    gram = torch.from_numpy(np.asarray((matrix.T @ matrix).todense(), np.float32))
    gram.diagonal().add_(ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    del gram
    inverse /= -inverse.diagonal().clone()[None, :]
    inverse.fill_diagonal_(0)
    value, other = torch.topk(inverse, min(n, len(inverse)), dim=1)
    weights, others = value.numpy(), other.numpy().astype(np.int32)
    return Neighbours(np.where(weights > 0, others, -1).astype(np.int32), np.maximum(weights, 0).astype(np.float32))


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
    items = matrix.shape[0]
    out = Neighbours(np.full((items, n), -1, np.int32), np.zeros((items, n), np.float32))
    for first in range(0, items, chunk):
        _put_strongest(out, first, matrix[first : first + chunk])
    return out


def _put_strongest(out: Neighbours, first: int, block: sparse.csr_matrix) -> None:
    """Fill the rows from `first` with the largest of the block's."""
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    order = np.lexsort((-block.data, row))
    rank = np.arange(len(row)) - np.repeat(block.indptr[:-1], np.diff(block.indptr))
    top = rank < out.others.shape[1]
    out.others[first + row[top], rank[top]] = block.indices[order][top]
    out.weights[first + row[top], rank[top]] = block.data[order][top]


def mixed(parts: list[tuple[float, Neighbours]]) -> Neighbours:
    """One table of several, as wide as the widest: each scaled to a mean row sum of 1, then weighted and summed."""
    items, n = len(parts[0][1].others), max(table.others.shape[1] for _, table in parts)
    total = sparse.csr_matrix((items, items), dtype=np.float32)
    for share, table in parts:
        matrix = table.matrix()
        rows = np.asarray(matrix.sum(axis=1)).ravel()
        scale = share / max(float(rows[rows > 0].mean()) if (rows > 0).any() else 1.0, 1e-12)
        total = total + matrix * np.float32(scale)
    return strongest(total.tocsr(), n)


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
