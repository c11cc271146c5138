"""What is known of an item becomes one row x_p: whitened text, picture, categories and numbers. numpy and scipy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import svds

from ..columns import Columns
from ..dataset import Bools, Content, Floats, Items, Labels, Longs
from .nearest import nearest

TEXT_WIDTH = 128
IMAGE_WIDTH = 64
CATEGORY_WIDTH = 64
FEWEST_IMAGES = 20
"""Fewer pictures give no axes."""
NUMBER_COLUMNS = 3
"""Of each number: its rank, its logarithm, and whether it is missing."""
BLOCKS = ("text", "image", "label")
SHARES = {"text": 1.0, "image": 0.5, "label": 1.0}
"""What each counts when items are compared: a picture tells less of what a thing is for than its name does."""
MOST_LABELS = 20_000
FIT_ROWS = 50_000
"""Rows that the axes are fitted on; more change nothing and cost memory."""
DRAWN_ROWS = 2 * FIT_ROWS
"""Rows among which distinct ones are looked for."""


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """Fitted once per training; the same mapping then places items that come later."""

    arrays: dict[str, npt.NDArray[Any]]
    labels: list[str] = field(default_factory=list)  # "field=label" -> its row in category axes
    numbers: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, items: Items, *, seed: int = 0) -> ItemFeatures:
        """Choose axes on distinct rows, so that a text shared by thousands of items does not bend them."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        if items.content.shape[1] and (speaking := np.flatnonzero(items.has_content)).size:
            arrays["text_mean"], arrays["text_axes"] = _whitening(items.content, speaking, seed, TEXT_WIDTH)
        if items.images is not None and (shown := np.flatnonzero(_spoken(items.images))).size > FEWEST_IMAGES:
            axes = _whitening(items.images, shown, seed, IMAGE_WIDTH)
            arrays["image_mean"], arrays["image_axes"] = axes
        labels = _frequent(items.categories)
        if labels:
            bags = _bags(items.categories, labels, len(items))
            arrays["label_weight"], arrays["label_axes"], arrays["label_mean"] = _label_axes(bags, seed)
        numbers = [name for name, column in items.numbers.items() if np.isfinite(column).any()]
        for name in numbers:
            arrays[f"number_edges.{name}"] = _edges(items.numbers[name])
            logs = _log(items.numbers[name][np.isfinite(items.numbers[name])])
            arrays[f"number_log.{name}"] = np.array([logs.mean(), logs.std() or 1], np.float32)
        return cls(arrays, labels, numbers)

    @property
    def width(self) -> int:
        """The length of a row."""
        return max(1, self._described + NUMBER_COLUMNS * len(self.numbers))

    @property
    def _described(self) -> int:
        """Columns of text, picture and labels."""
        return sum(self.arrays[f"{name}_axes"].shape[1] for name in BLOCKS if f"{name}_axes" in self.arrays)

    def transform(self, items: Items) -> Floats:
        """Rows of about unit size an axis; zeros where nothing is known. [items, width]"""
        out = np.zeros((len(items), self.width), np.float32)
        for rows, part in items.parts():
            numbers = self._numbers(part)
            blocks = [*self._blocks(part).values(), *([] if numbers is None else [numbers])]
            out[rows] = np.hstack(blocks) if blocks else 0
        return out

    def text(self, items: Items) -> Floats | None:
        """Whitened text vectors, RMS 1; zeros where an item has no text. [items, <= 128]"""
        return self._white("text", items.content, len(items))

    def images(self, items: Items) -> Floats | None:
        """The same of pictures. [items, <= 64]"""
        return self._white("image", items.images, len(items))

    def _blocks(self, items: Items) -> dict[str, Floats]:
        blocks = {"text": self.text(items), "image": self.images(items), "label": self.bags(items)}
        return {name: block for name, block in blocks.items() if block is not None}

    def _white(self, name: str, content: Content | None, items: int) -> Floats | None:
        if f"{name}_axes" not in self.arrays:
            return None
        mean, axes = self.arrays[f"{name}_mean"], self.arrays[f"{name}_axes"]
        if content is None or content.shape[1] != len(mean):  # of another encoder
            return np.zeros((items, axes.shape[1]), np.float32)
        rows = np.asarray(content, np.float32)
        return np.where(_spoken(content)[:, None], _unit_rms((rows - mean) @ axes), 0).astype(np.float32)

    def bags(self, items: Items) -> Floats | None:
        """Labels on their main axes, RMS 1; unknown labels count nothing. [items, <= 64]"""
        if not self.labels:
            return None
        weighted = _bags(items.categories, self.labels, len(items)).multiply(self.arrays["label_weight"]).tocsr()
        known = np.asarray(weighted.sum(axis=1)).ravel() > 0
        rows = weighted @ self.arrays["label_axes"] - self.arrays["label_mean"]
        return np.where(known[:, None], _unit_rms(rows), 0).astype(np.float32)

    def _numbers(self, items: Items) -> Floats | None:
        columns: list[Floats] = []
        for name in self.numbers:
            column = items.numbers.get(name, np.full(len(items), np.nan, np.float32))
            edges = self.arrays[f"number_edges.{name}"]
            rank = np.searchsorted(edges, np.nan_to_num(column)) / max(len(edges), 1)
            known = np.isfinite(column)
            middle, spread = self.arrays[f"number_log.{name}"]
            size = np.clip((_log(column) - middle) / spread, -3, 3)
            columns += [np.where(known, 2 * rank - 1, 0), np.where(known, size, 0), np.where(known, 0, 1)]
        return np.stack(columns, axis=1).astype(np.float32) if columns else None

    def similarity(self, items: Items) -> Floats:
        """Unit rows of text, picture and labels, on disk: by their cosine new items find known ones. [items, n]"""
        width = max(1, self._described)
        with Columns(rows=(np.float32, (width,))) as columns:
            for _, part in items.parts():
                blocks = [SHARES[name] * _unit(block) for name, block in self._blocks(part).items()]
                columns.append(rows=_unit(np.hstack(blocks)) if blocks else np.zeros((len(part), width), np.float32))
            return columns.arrays()["rows"]

    def config(self) -> dict[str, Any]:
        """What is not an array, for the artifact."""
        return {"labels": self.labels, "numbers": self.numbers}

    @classmethod
    def from_parts(cls, arrays: dict[str, npt.NDArray[Any]], config: dict[str, Any]) -> ItemFeatures:
        """The opposite of `arrays` and `config`."""
        return cls(arrays, list(config.get("labels", [])), list(config.get("numbers", [])))


def _spoken(content: Content) -> Bools:
    """Which rows are not zeros. [items]"""
    return np.any(content != 0, axis=1)


def _whitening(content: Content, speaking: Longs, seed: int, width: int) -> tuple[Floats, Floats]:
    """Centre, turn to the main axes, divide each by its deviation: on raw vectors a few axes drown the others."""
    rng = np.random.default_rng(seed)
    if len(speaking) > DRAWN_ROWS:
        speaking = np.sort(rng.choice(speaking, DRAWN_ROWS, replace=False))
    distinct = np.unique(np.round(content[speaking].astype(np.float32), 5), axis=0)
    if len(distinct) > FIT_ROWS:
        distinct = distinct[rng.choice(len(distinct), FIT_ROWS, replace=False)]
    mean = distinct.mean(axis=0)
    centred = (distinct - mean).astype(np.float64)
    variance, axes = np.linalg.eigh(centred.T @ centred / max(len(distinct), 1))
    # As many whitened axes as rows would make all rows equally far from each other.
    count = min(width, max(2, len(distinct) // 4), content.shape[1])
    order = np.argsort(-variance)[:count]
    order = order[variance[order] > 1e-9 * max(variance.max(), 1e-12)]
    return mean.astype(np.float32), (axes[:, order] / np.sqrt(variance[order])).astype(np.float32)


def _frequent(categories: dict[str, Labels]) -> list[str]:
    counts: dict[str, int] = {}
    for name, labels in categories.items():
        for code, count in enumerate(np.bincount(labels.codes, minlength=len(labels.names)).tolist()):
            if count > 1:
                counts[f"{name}={labels.names[code]}"] = count
    return sorted(counts, key=lambda label: (-counts[label], label))[:MOST_LABELS]


def _bags(categories: dict[str, Labels], known: list[str], items: int) -> sparse.csr_matrix:
    index = {label: position for position, label in enumerate(known)}
    rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for name, labels in categories.items():
        where = np.array([index.get(f"{name}={label}", -1) for label in labels.names], np.int64)
        row = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
        column = where[labels.codes] if len(where) else np.empty(0, np.int64)
        rows.append(row[column >= 0])
        columns.append(column[column >= 0])
    row, column = np.concatenate(rows), np.concatenate(columns)
    ones = np.ones(len(row), np.float32)
    return sparse.csr_matrix((ones, (row, column)), shape=(items, len(known)))


def _label_axes(bags: sparse.csr_matrix, seed: int) -> tuple[Floats, Floats, Floats]:
    """Rare labels count more (idf); at most 64 axes of the rest, each divided by its deviation."""
    documents = np.asarray((bags > 0).sum(axis=0)).ravel()
    weight = np.log1p(bags.shape[0] / np.maximum(documents, 1)).astype(np.float32)
    weighted = bags.multiply(weight).tocsr().astype(np.float64)
    count = min(CATEGORY_WIDTH, min(weighted.shape) - 1)
    if count < 1:
        axes = np.eye(weighted.shape[1], dtype=np.float64)
        deviation = np.ones(weighted.shape[1])
    else:
        start = np.random.default_rng(seed).standard_normal(min(weighted.shape))
        _, deviation, rows = svds(weighted, k=count, v0=start)
        good = deviation > 1e-6 * max(deviation.max(), 1e-12)
        axes, deviation = rows[good].T, deviation[good] / np.sqrt(bags.shape[0])
    scaled = axes / np.sqrt(deviation)  # half whitening: rare labels' axes are noise
    mean = np.asarray(weighted.mean(axis=0)).ravel() @ scaled
    return weight, scaled.astype(np.float32), mean.astype(np.float32)


def _log(column: Floats) -> Floats:
    """Of the size, with the sign kept; for prices that span magnitudes. [items]"""
    return np.asarray(np.sign(column) * np.log1p(np.abs(column)), np.float32)


def _edges(column: Floats) -> Floats:
    known = column[np.isfinite(column)]
    return np.unique(np.quantile(known, np.linspace(0, 1, 33)[1:-1])).astype(np.float32)


def _unit_rms(rows: Floats) -> Floats:
    size = np.sqrt(np.mean(rows * rows, axis=1, keepdims=True))
    return (rows / np.where(size > 0, size, 1)).astype(np.float32)


def _unit(rows: Floats) -> Floats:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(size > 0, size, 1)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class ColdPlaces:
    """Where items without events belong: the nearest ones with events, by what is known of both."""

    cold: Longs  # [n], positions of items
    near: Longs  # [n, 20], likewise
    weights: Floats  # [n, 20], of sum 1

    @classmethod
    def find(cls, similar: Floats, counts: npt.NDArray[np.number]) -> ColdPlaces:
        """By text alone a cold item would miss; one without any known feature has no place.

        Args:
            counts: events of each item: one that was met once hardly knows its own place. [items]
        """
        known = np.flatnonzero(counts > 0)
        cold = np.flatnonzero((counts <= 0) & np.any(similar != 0, axis=1))
        if not len(known):
            cold = cold[:0]
        found, weights = nearest_weights(similar[cold], similar[known], counts[known])
        return cls(cold, known[found] if len(known) else found, weights)

    def matrix(self, items: int) -> sparse.csr_matrix:
        """How much each item speaks for each cold one: their row, its column. [items, items]"""
        columns = np.repeat(self.cold, self.near.shape[1])
        return sparse.csr_matrix((self.weights.ravel(), (self.near.ravel(), columns)), shape=(items, items))

    def put(self, vectors: Floats) -> Floats:
        """Set the vectors of the cold ones to the weighted mean of their nearest. [items, dim]"""
        vectors[self.cold] = _weighted(vectors, self.near, self.weights)
        return vectors


def mean_of_nearest(queries: Floats, known: Floats, vectors: Floats, counts: npt.NDArray[np.number]) -> Floats:
    """The mean over the nearest known rows, as `ColdPlaces` weighs them, unit length. [queries, dim]"""
    return _weighted(vectors, *nearest_weights(queries, known, counts))


def nearest_weights(
    queries: Floats, known: Floats, counts: npt.NDArray[np.number], *, n: int = 20, sharpness: float = 10.0
) -> tuple[Longs, Floats]:
    """Softmax of the cosines, times the events of each up to five, from which on its place is its own."""
    found, scores = nearest(queries, known, n)
    weights = np.exp(sharpness * (scores - scores[:, :1])) * np.clip(counts, 1e-3, 5)[found]
    return found.astype(np.int64), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _weighted(vectors: Floats, found: Longs, weights: Floats, *, chunk: int = 16_384) -> Floats:
    out = np.zeros((len(found), vectors.shape[1]), np.float32)
    for first in range(0, len(found), chunk):
        rows = slice(first, first + chunk)
        out[rows] = _unit(np.einsum("qn,qnd->qd", weights[rows], vectors[found[rows]]))
    return out
