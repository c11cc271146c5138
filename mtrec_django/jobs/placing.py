"""New and changed items join the live versions: searchable without a retraining."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from ..conf import get_config
from ..learning.placing import item_vectors
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
    return store.upsert(base.pk, pks, item_vectors(trained, items, known if complete else None))


def missing(base: ModelVersion) -> list[int]:
    """Items without a vector of this base, those with text as soon as it is encoded."""
    encoder = load_encoder(get_config().ENCODER).name
    there = ItemVector.objects.filter(version_id=base.pk, item_id=OuterRef("pk"))
    encoded = ItemContent.objects.filter(encoder=encoder, item_id=OuterRef("pk"), text_hash=OuterRef("text_hash"))
    waiting = Item.objects.filter(~Exists(there)).exclude(~Exists(encoded), text__gt="")
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:MOST])
