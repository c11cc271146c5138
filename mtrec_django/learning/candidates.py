"""What serving would score, for a whole evaluation at once: 300 nearest by vector and 100 of every other source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..columns import release
from ..dataset import Bools, Floats, Ints
from ..inference.blend import PERSONAL, SOURCE_CANDIDATES, TEXT, VECTOR_CANDIDATES, Blend
from ..representation.nearest import top
from .evaluation import Doubles, gains, ideal
from .neighbours import thinned
from .queries import Queries, relevant_count

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


_NONE = np.empty(0, np.bool_)

Score = Callable[[slice], Floats]
"""The scores of all items for a range of questions. [rows, items]"""


def full_ranking(asked: Queries, catalogue: Bools, score: Score, n: int = 50) -> Ints:
    """Rank every item of the catalogue by one score; items that score minus infinity are not shown. [queries, n]"""
    lists = [np.empty((0, min(n, len(catalogue))), np.int32)]
    for rows in chunks(asked, len(catalogue)):
        scores = np.where(forbidden(asked, catalogue, rows), np.float32(-np.inf), score(rows))
        lists.append(top(scores, n)[0].astype(np.int32))
    out = np.vstack(lists)
    return np.pad(out, ((0, 0), (0, n - out.shape[1])), constant_values=-1) if out.shape[1] < n else out


def full_ndcg(asked: Queries, catalogue: Bools, score: Score) -> Doubles:
    """NDCG@10 of each question where every item of the catalogue is ranked by one score. [queries]"""
    out = np.zeros(len(asked))
    for rows in chunks(asked, len(catalogue)):
        scores = np.where(forbidden(asked, catalogue, rows), np.float32(-np.inf), score(rows))
        row, column = asked.relevant[rows].nonzero()
        out[rows] = np.bincount(row, gains(scores, row, column), minlength=len(scores))
    return out / ideal(relevant_count(asked))


def gather(
    asked: Queries,
    catalogue: Bools,
    *,
    queries: Floats,
    vectors: Floats,
    together: dict[str, tuple[sparse.csr_matrix, sparse.csr_matrix]],
    prior: dict[str, Floats],
    text: tuple[sparse.csr_matrix, Floats] | None = None,
) -> Candidates:
    """Candidates of every source with every feature.

    Args:
        queries: [queries, dim]
        vectors: [items, dim]
        together: feature -> history weights [queries, items] and table [items, items]
        prior: feature -> log prior [items]
        text: history weights [queries, items] and unit rows of what is written on items [items, n]; no source, but
            what sources found is compared with the history by it
    """
    order = {name: np.argsort(-values, kind="stable") for name, values in prior.items()}
    silent: Bools = _NONE if text is None else np.all(text[1] == 0, axis=1)  # [items], of which nothing is written
    parts = []
    for rows in chunks(asked, len(catalogue)):
        no = forbidden(asked, catalogue, rows)
        near = queries[rows] @ vectors.T
        found = {name: _packed(history[rows] @ table) for name, (history, table) in together.items()}
        chosen = np.zeros(no.shape, bool)
        _mark_top(chosen, np.where(no, np.float32(-np.inf), near), VECTOR_CANDIDATES)
        for product in found.values():
            _mark_strongest(chosen, product, no)
        for ranked in order.values():
            _mark_first(chosen, ranked, no)
        row, item = np.nonzero(chosen)
        known = {PERSONAL: near[row, item]}
        known |= {name: _entries(product, row, item) for name, product in found.items()}
        known |= {name: values[item] for name, values in prior.items()}
        if text is not None:
            known[TEXT] = np.where(silent[item], np.float32(np.nan), _likeness(text[0][rows], text[1], row, item))
        parts.append(_padded(row, item, known, len(no), asked.relevant[rows]))
    return _stacked(parts, [PERSONAL, *together, *prior, *([] if text is None else [TEXT])])


def _likeness(
    history: sparse.csr_matrix, similar: Floats, row: npt.NDArray[np.integer], item: npt.NDArray[np.integer]
) -> Floats:
    """`inference.texts.likeness` of pairs. [pairs]"""
    met = np.asarray(history @ similar, np.float32)
    out = np.empty(len(row), np.float32)
    step = max(1, CELLS // max(similar.shape[1], 1))
    for some in (slice(first, first + step) for first in range(0, len(row), step)):
        out[some] = np.einsum("pn,pn->p", met[row[some]], similar[item[some]])
    release(similar)
    return out


def _mark_top(chosen: Bools, scores: Floats, n: int) -> None:
    """The n best of each row, the first of equals first; minus infinity never. To find the least of them is quick."""
    if n >= scores.shape[1]:
        chosen |= scores > -np.inf
        return
    least = -np.partition(-scores, n - 1, axis=1)[:, n - 1 : n]
    top = (scores >= least) & (scores > -np.inf)
    over = np.flatnonzero(np.count_nonzero(top, axis=1) > n)
    equal = scores[over] == least[over]
    better = np.count_nonzero(scores[over] > least[over], axis=1)
    top[over] &= ~equal | (np.cumsum(equal, axis=1) + better[:, None] <= n)
    chosen |= top


def _packed(product: sparse.csr_matrix) -> sparse.csr_matrix | Floats:
    """As it is where nearly all is zero, as in a large catalogue; else dense, which is quicker."""
    dense = product.nnz * 20 > product.shape[0] * product.shape[1]
    return np.asarray(product.todense(), np.float32) if dense else product.tocsr()


def _mark_strongest(chosen: Bools, product: sparse.csr_matrix | Floats, no: Bools) -> None:
    """The candidates of a table: the largest positive products, the first of equals first."""
    if isinstance(product, np.ndarray):
        _mark_top(chosen, np.where(no | (product <= 0), np.float32(-np.inf), product), SOURCE_CANDIDATES)
        return
    row = np.repeat(np.arange(len(no)), np.diff(product.indptr))
    good = (product.data > 0) & ~no[row, product.indices]
    bounds = np.concatenate([[0], np.cumsum(good)])[product.indptr]
    few = thinned(sparse.csr_matrix((product.data[good], product.indices[good], bounds), no.shape), SOURCE_CANDIDATES)
    row, item, value = np.repeat(np.arange(len(no)), np.diff(few.indptr)), few.indices, few.data
    order = np.lexsort((item, -value, row))
    row, item = row[order], item[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    chosen[row[rank < SOURCE_CANDIDATES], item[rank < SOURCE_CANDIDATES]] = True


def _mark_first(chosen: Bools, ranked: npt.NDArray[np.integer], no: Bools) -> None:
    """The candidates of a prior: the first items of its order that may be shown."""
    most = 4 * SOURCE_CANDIDATES
    while True:
        first = ranked[:most]
        allowed = ~no[:, first]
        count = np.cumsum(allowed, axis=1)
        if most >= len(ranked) or (count[:, -1] >= SOURCE_CANDIDATES).all():
            break
        most *= 4
    row, at = np.nonzero(allowed & (count <= SOURCE_CANDIDATES))
    chosen[row, first[at]] = True


def _entries(matrix: sparse.csr_matrix | Floats, row: npt.NDArray[np.integer], item: npt.NDArray[np.integer]) -> Floats:
    """Entries of a matrix by row and column."""
    if isinstance(matrix, np.ndarray):
        return matrix[row, item]
    matrix.sort_indices()
    width = matrix.shape[1]
    keys = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    asked = row.astype(np.int64) * width + item
    at = np.minimum(np.searchsorted(keys, asked), max(len(keys) - 1, 0))
    if not len(keys):
        return np.zeros(len(asked), np.float32)
    return np.where(keys[at] == asked, matrix.data[at], 0).astype(np.float32)


def _padded(
    row: npt.NDArray[np.integer],
    item: npt.NDArray[np.integer],
    known: dict[str, Floats],
    rows: int,
    relevant: sparse.csr_matrix,
) -> Candidates:
    count = np.bincount(row, minlength=rows)
    at = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    shape = (rows, int(count.max(initial=0)))
    items, right = np.full(shape, -1, np.int32), np.zeros(shape, bool)
    items[row, at] = item
    right[row, at] = _entries(relevant, row, item) > 0
    features = {}
    for name, values in known.items():
        features[name] = np.full(shape, np.nan, np.float32)
        features[name][row, at] = values
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
