"""Vectors for items that came or changed after the training: searchable at once, no retraining."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from ..dataset import Dataset, Floats, Items, Longs
from ..representation.features import mean_of_nearest, nearest_weights
from .artifacts import Trained
from .neighbours import Neighbours, strongest
from .sources import Recipe
from .warm import positions


def item_vectors(trained: Trained, items: Items, trained_items: Items | None = None) -> Floats:
    """Each new item at the weighted mean of its nearest trained ones, by text and labels. [items, dim]

    Args:
        trained: the version whose space they shall join.
        items: the new ones only.
        trained_items: the trained ones, in the order of `trained.item_ids`; without them, or for an item that says
            nothing, the tower places by features alone.
    """
    placed = by_tower(trained, items)
    if trained_items is None:
        return placed
    known, similar = trained.features.similarity(trained_items), trained.features.similarity(items)
    speaks, spoken = np.any(known != 0, axis=1), np.any(similar != 0, axis=1)
    if speaks.any() and spoken.any():
        placed[spoken] = mean_of_nearest(similar[spoken], known[speaks], trained.vectors[speaks], trained.met[speaks])
    return placed


def item_neighbours(trained: Trained, items: Items, trained_items: Items) -> tuple[Neighbours, Neighbours]:
    """What new items go with, and in whose lists they stand: where their nearest trained ones do.

    As `sources.Recipe` has it for those that were there at the training but had no events. Nothing where the version
    found on validation that it serves nobody.

    Returns:
        Twice the same shape: positions of trained items and weights. [new, n]
    """
    recipe = Recipe(**trained.report.get("recipe", {}))
    known, similar = trained.features.similarity(trained_items), trained.features.similarity(items)
    speaks = np.flatnonzero(np.any(known != 0, axis=1))
    spoken = np.flatnonzero(np.any(similar != 0, axis=1)) if len(speaks) and recipe.cold_share > 0 else speaks[:0]
    near, weights = nearest_weights(similar[spoken], known[speaks], trained.met[speaks])
    rows = np.repeat(spoken, near.shape[1])
    shape = (len(items), len(known))
    likes = sparse.csr_matrix((recipe.cold_share * weights.ravel(), (rows, speaks[near.ravel()])), shape=shape)
    table, n = trained.neighbours.matrix(), trained.neighbours.others.shape[1]
    table = (table - sparse.diags(table.diagonal())).tocsr()  # what is said of what was met, is said of itself alone
    table.eliminate_zeros()
    return strongest(likes @ table, n), strongest(recipe.cold_stress * likes @ table.T, n)


def by_tower(trained: Trained, items: Items) -> Floats:
    """What the item tower says without any events. [items, dim]"""
    raw = trained.features.transform(items) @ trained.artifact.arrays["tower.weight"].T
    raw = raw + trained.artifact.arrays["tower.bias"]
    return (raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def kind_map(base: Trained, dataset: Dataset) -> Longs:
    """The base's position of each kind of the data set; its last row for kinds that it never saw. [kinds]"""
    known = {kind: position for position, kind in enumerate(base.artifact.config["kinds"])}
    return np.array([known.get(kind, len(known)) for kind in dataset.kinds], np.int64)


def with_kinds_of(base: Trained, dataset: Dataset) -> Dataset:
    """The same data with kinds numbered as the base knows them."""
    kinds = kind_map(base, dataset)
    if np.array_equal(kinds, np.arange(len(kinds))):
        return dataset
    known = [*base.artifact.config["kinds"], ""]
    events = replace(dataset.events, kind=kinds[dataset.events.kind].astype(np.int32))
    return replace(dataset, events=events, kinds=known)


def aligned_vectors(trained: Trained, items: Items) -> Floats:
    """The version's vectors in the order of these items; those it does not have are placed. [items, dim]"""
    found = positions(trained.item_ids, items.ids)
    if np.all(found >= 0):
        return np.ascontiguousarray(trained.vectors[found])
    out = by_tower(trained, items)
    out[found >= 0] = trained.vectors[found[found >= 0]]
    similar = trained.features.similarity(items)
    known, spoken = (found >= 0) & np.any(similar != 0, axis=1), (found < 0) & np.any(similar != 0, axis=1)
    if known.any() and spoken.any():
        out[spoken] = mean_of_nearest(similar[spoken], similar[known], out[known], trained.met[found[known]])
    return out
