"""What serving would score, for a whole evaluation at once: 300 nearest by vector and 100 of every other source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..dataset import Bools, Floats, Ints
from ..inference.blend import PERSONAL, SOURCE_CANDIDATES, TOGETHER, VECTOR_CANDIDATES, Blend
from .queries import Queries

CELLS = 8_000_000
"""Scores held in memory at once."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Per question the items to be scored and what is known of each; padded with -1 and NaN."""

    items: Ints  # [queries, candidates]
    features: dict[str, Floats]  # name -> [queries, candidates]
    relevant: Bools  # [queries, candidates]

    def ranked(self, blend: Blend, n: int = 50) -> Ints:
        """The lists that serving would show, -1 where they are shorter. [queries, n]"""
        return top_items(self.items, blend_scores(self, blend), n)


def blend_scores(found: Candidates, blend: Blend) -> Floats:
    """`Blend.score`, row by row. [queries, candidates]"""
    total = blend.score(found.features)
    return np.where(found.items >= 0, total, -np.inf).astype(np.float32)


def top_items(items: Ints, scores: Floats, n: int) -> Ints:
    """The n best of each row, the first of equals first. [queries, n]"""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    out = np.take_along_axis(items, order, axis=1)
    if out.shape[1] < n:
        out = np.pad(out, ((0, 0), (0, n - out.shape[1])), constant_values=-1)
    return out.astype(np.int32)


def forbidden(asked: Queries, catalogue: Bools, rows: slice) -> Bools:
    """What must not be shown: outside the scenario's catalogue, or seen. [rows, items]"""
    out = np.repeat(~catalogue[None, :], rows.stop - rows.start, axis=0)
    seen = asked.seen[rows].tocoo()
    out[seen.row, seen.col] = True
    return out


def chunks(asked: Queries, items: int) -> Iterator[slice]:
    """Ranges of questions whose full score matrix fits into memory."""
    step = max(1, min(512, CELLS // max(items, 1)))
    for first in range(0, len(asked), step):
        yield slice(first, min(first + step, len(asked)))


Score = Callable[[slice], Floats]
"""The scores of all items for a range of questions. [rows, items]"""


def full_ranking(asked: Queries, catalogue: Bools, score: Score, n: int = 50) -> Ints:
    """Rank every item of the catalogue by one score; items that score minus infinity are not shown. [queries, n]"""
    lists = [np.empty((0, min(n, len(catalogue))), np.int32)]
    for rows in chunks(asked, len(catalogue)):
        scores = np.where(forbidden(asked, catalogue, rows), -np.inf, score(rows)).astype(np.float32)
        items, values = _top(scores, n)
        lists.append(np.where(np.isfinite(values), items, -1).astype(np.int32))
    out = np.vstack(lists)
    return np.pad(out, ((0, 0), (0, n - out.shape[1])), constant_values=-1) if out.shape[1] < n else out


def _top(scores: Floats, n: int) -> tuple[Ints, Floats]:
    n = min(n, scores.shape[1])
    found = np.argpartition(-scores, n - 1, axis=1)[:, :n] if n < scores.shape[1] else _all(scores)
    found = np.sort(found, axis=1)  # equal scores are ranked by position, whatever the partition did
    values = np.take_along_axis(scores, found, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1).astype(np.int32), np.take_along_axis(values, order, axis=1)


def _all(scores: Floats) -> npt.NDArray[np.intp]:
    return np.tile(np.arange(scores.shape[1]), (len(scores), 1))


def gather(
    asked: Queries,
    catalogue: Bools,
    *,
    queries: Floats,
    vectors: Floats,
    together: dict[str, tuple[sparse.csr_matrix, sparse.csr_matrix]],
    prior: dict[str, Floats],
) -> Candidates:
    """Candidates of every source with every feature.

    Args:
        queries: [queries, dim]
        vectors: [items, dim]
        together: feature -> history weights [queries, items] and table [items, items]
        prior: feature -> log prior [items]
    """
    parts = []
    for rows in chunks(asked, len(catalogue)):
        no = forbidden(asked, catalogue, rows)
        scores: dict[str, Floats] = {PERSONAL: queries[rows] @ vectors.T}
        for name, (history, table) in together.items():
            scores[name] = np.asarray((history[rows] @ table).todense(), np.float32)
        for name, values in prior.items():
            scores[name] = np.broadcast_to(values, no.shape)
        parts.append(_union(scores, no, np.asarray(asked.relevant[rows].todense()) > 0))
    return _stacked(parts, [PERSONAL, *together, *prior])


def _union(scores: dict[str, Floats], no: Bools, relevant: Bools) -> Candidates:
    chosen = np.zeros(no.shape, bool)
    for name, values in scores.items():
        allowed = np.where(no, -np.inf, values)
        if name.startswith(TOGETHER):
            allowed = np.where(values > 0, allowed, -np.inf)
        items, top = _top(allowed, VECTOR_CANDIDATES if name == PERSONAL else SOURCE_CANDIDATES)
        row = np.broadcast_to(np.arange(len(items))[:, None], items.shape)
        chosen[row[np.isfinite(top)], items[np.isfinite(top)]] = True
    row, item = np.nonzero(chosen)
    count = np.bincount(row, minlength=len(no))
    at = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    shape = (len(no), int(count.max(initial=0)))
    items = np.full(shape, -1, np.int32)
    items[row, at] = item
    right = np.zeros(shape, bool)
    right[row, at] = relevant[row, item]
    features = {}
    for name, values in scores.items():
        column = np.full(shape, np.nan, np.float32)
        column[row, at] = values[row, item]
        features[name] = column
    return Candidates(items, features, right)


def _stacked(parts: list[Candidates], names: list[str]) -> Candidates:
    widest = max((part.items.shape[1] for part in parts), default=0)
    items = np.full((sum(len(part.items) for part in parts), widest), -1, np.int32)
    right = np.zeros(items.shape, bool)
    features = {name: np.full(items.shape, np.nan, np.float32) for name in names}
    first = 0
    for part in parts:
        place = (slice(first, first + len(part.items)), slice(part.items.shape[1]))
        items[place], right[place] = part.items, part.relevant
        for name in names:
            features[name][place] = part.features[name]
        first += len(part.items)
    return Candidates(items, features, right)
