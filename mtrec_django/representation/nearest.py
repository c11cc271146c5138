"""The nearest rows of a matrix: exact for catalogues of a usual size, by clusters for very large ones. numpy only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..columns import release
from ..dataset import Floats, Longs

Places = npt.NDArray[np.integer[Any]]

EXACT = 4_000_000_000
"""Inner products up to which all of them are computed; 60,000 rows against as many."""
CELLS = 16_000_000
"""Inner products held in memory at once."""
PROBES = 8
"""Clusters that are searched for each query."""
ROUNDS = 4
"""Of the clusters' making."""
PER_CLUSTER = 40
"""Rows drawn for each cluster to make it from."""
GROUPS = 6
"""Groups of columns for each one that is wanted of a row."""


def top(scores: Floats, n: int) -> tuple[Places, Floats]:
    """The n best of each row, the best first and the first of equals first, and their scores. [queries, n] twice

    What scores minus infinity is not among them: -1 stands in its place. The n-th largest of the maxima of disjoint
    groups of columns is no more than the n-th largest of all, so what lies below it is left out unsorted: several times
    as fast as to partition whole rows.
    """
    rows, width = scores.shape
    n = min(n, width)
    size = width // max(GROUPS * n, 1)
    if size < 2:
        least = np.full((rows, 1), -np.inf, np.float32)
    else:
        groups = width // size
        maxima = scores[:, : size * groups].reshape(rows, size, groups).max(axis=1)  # [queries, groups]
        least = np.partition(maxima, groups - n, axis=1)[:, groups - n, None]
    row, column = _cut(scores, least, n)
    count = np.bincount(row, minlength=rows)
    at = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    shape = (rows, max(n, int(count.max(initial=0))))
    columns, values = np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32)
    columns[row, at], values[row, at] = column, scores[row, column]
    order = np.argsort(-values, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)


def _cut(scores: Floats, least: Floats, n: int) -> tuple[Longs, Longs]:
    """Row and column of what scores more than a row's least, and of the first n that score just that. [found] twice"""
    width = scores.shape[1]
    found = np.flatnonzero((scores >= least) & (scores > -np.inf))
    row = found // width
    equal = scores.ravel()[found] == least[row, 0]
    before = np.cumsum(equal)
    first = np.searchsorted(row, np.arange(len(scores)))
    kept = ~equal | (before - np.append(0, before)[first][row] <= n)
    return row[kept], found[kept] - row[kept] * width


def nearest(queries: Floats, known: Floats, n: int) -> tuple[Places, Floats]:
    """The n rows of `known` with the largest inner products, in order. [queries, n] twice

    Above 60,000 rows against as many only rows of the clusters around each query are compared (an inverted file, Jégou
    et al. 2011): rows of unit length are expected, and about one in twenty of the true nearest is missed.
    """
    n = min(n, len(known))
    if len(queries) * len(known) <= EXACT:
        return _among(queries, known, np.arange(len(known)), n)
    return _by_clusters(queries, known, n)


def _among(queries: Floats, known: Floats, rows: Longs, n: int) -> tuple[Places, Floats]:
    """The n nearest of some rows."""
    found = np.zeros((len(queries), n), np.int64)
    scores = np.full((len(queries), n), -np.inf, np.float32)
    candidates = known if len(rows) == len(known) else known[rows]
    most = min(n, len(rows))
    step = max(1, min(2048, CELLS // max(len(rows), 1)))
    for first in range(0, len(queries) if most else 0, step):
        product = queries[first : first + step] @ candidates.T
        best, value = top(product, most)
        found[first : first + step, :most], scores[first : first + step, :most] = rows[best], value
    return found, scores


def _by_clusters(queries: Floats, known: Floats, n: int) -> tuple[Places, Floats]:
    centres = _centres(known)
    members = _groups(_closest(known, centres), len(centres))
    asking = _groups(_closest(queries, centres), len(centres))
    found = np.zeros((len(queries), n), np.int32)
    scores = np.full((len(queries), n), -np.inf, np.float32)
    for cluster, rows in enumerate(asking):
        if len(rows):
            around = _around(centres, cluster, members, n)
            found[rows], scores[rows] = _among(queries[rows], known, around, n)
    release(queries)
    release(known)
    return found, scores


def _centres(known: Floats) -> Floats:
    """Spherical k-means over a sample, as many clusters as the root of the rows. [clusters, width]"""
    rng = np.random.default_rng(0)
    count = int(len(known) ** 0.5)
    sample = known[np.sort(rng.choice(len(known), min(len(known), PER_CLUSTER * count), replace=False))]
    centres = sample[rng.choice(len(sample), count, replace=False)]
    for _ in range(ROUNDS):
        groups = _groups(_closest(sample, centres), count)
        means = np.stack([sample[rows].mean(axis=0) if len(rows) else centres[at] for at, rows in enumerate(groups)])
        centres = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return centres


def _closest(rows: Floats, centres: Floats) -> Longs:
    step = max(1, CELLS // len(centres))
    parts = [(rows[first : first + step] @ centres.T).argmax(axis=1) for first in range(0, len(rows), step)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _groups(labels: Longs, count: int) -> list[Longs]:
    """The rows of each label."""
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(count + 1))
    return [order[bounds[at] : bounds[at + 1]] for at in range(count)]


def _around(centres: Floats, cluster: int, members: list[Longs], n: int) -> Longs:
    """The rows of the clusters next to one, enough for n."""
    order = np.argsort(-(centres @ centres[cluster]), kind="stable")
    total = np.cumsum([len(members[at]) for at in order])
    probes = max(PROBES, int(np.searchsorted(total, n)) + 1)
    return np.concatenate([members[at] for at in order[:probes]])
