"""New and changed items join the live versions: searchable without a retraining."""

from __future__ import annotations

import numpy as np
from django.db.models import Exists, OuterRef

from ..conf import get_config
from ..dataset import Items
from ..inference.texts import pack
from ..learning.artifacts import Trained
from ..learning.placing import item_neighbours, item_vectors
from ..models import Item, ItemContent, ItemVector, ModelVersion
from ..representation.encoders import load_encoder
from ..retrieval import store
from .arrays import read_items
from .training import load_version

MOST = 20_000
"""Items placed in one go; more than that are as good as a new catalogue, which the next training places."""


def place_new_items() -> int:
    """Give every encoded item that a live base lacks, or knew by another text, its vector; returns how many."""
    live = {version.parent or version for version in ModelVersion.objects.filter(live_in__isnull=False)}
    return sum(_place(base) for base in sorted(live, key=lambda version: version.pk))


def _place(base: ModelVersion) -> int:
    pks = missing(base)
    if not pks:
        return 0
    trained = load_version(base)
    items, _ = read_items(pks)
    known, _ = read_items(trained.item_ids.tolist())
    complete = len(known) == len(trained.item_ids)  # an item deleted since leaves the rows without its neighbour
    texts = pack(trained.features.similarity(items)) if trained.artifact.config.get("texts") else None
    placed = store.upsert(base.pk, pks, item_vectors(trained, items, known if complete else None), texts)
    if complete:
        _join(base, trained, items, known)
    return placed


def _join(base: ModelVersion, trained: Trained, items: Items, known: Items) -> None:
    """What goes with items that the training did not know, and what they go with."""
    own, places = item_neighbours(trained, items, known)
    ids, new = trained.item_ids, items.ids.tolist()
    met = np.isin(items.ids, ids)  # another text, but neighbours of its own
    own.others[met], places.others[met] = -1, -1
    lists = [
        (pk, ids[others[others >= 0]].tolist(), weights[others >= 0].tolist())
        for pk, others, weights in zip(new, own.others, own.weights, strict=True)
        if (others >= 0).any()
    ]
    joined: dict[int, tuple[list[int], list[float]]] = {}
    for row, at in zip(*np.nonzero(places.others >= 0), strict=True):
        others, weights = joined.setdefault(int(ids[places.others[row, at]]), ([], []))
        others.append(new[row])
        weights.append(float(places.weights[row, at]))
    store.join_neighbours(base.pk, lists, joined, most=2 * own.others.shape[1])


def missing(base: ModelVersion) -> list[int]:
    """Items without a vector of this base, those with text as soon as it is encoded."""
    encoder = load_encoder(get_config().ENCODER).name
    there = ItemVector.objects.filter(version_id=base.pk, item_id=OuterRef("pk"))
    encoded = ItemContent.objects.filter(encoder=encoder, item_id=OuterRef("pk"), text_hash=OuterRef("text_hash"))
    waiting = Item.objects.filter(~Exists(there)).exclude(~Exists(encoded), text__gt="")
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:MOST])
