"""Texts into vectors of the frozen encoder: once for each text, known again by its hash."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from django.db.models import F, QuerySet

from ..conf import get_config
from ..models import Item, ItemContent
from ..representation.encoders import TextEncoder, load_encoder

CHUNK = 512
"""Texts encoded between two writes: what a killed worker loses at most."""

Progress = Callable[[str, int, int], None]


def encode_items(progress: Progress | None = None, *, encoder: TextEncoder | None = None) -> int:
    """Encode every text that has no vector of the encoder in force, or an outdated one; returns how many."""
    encoder = encoder or load_encoder(get_config().ENCODER)
    outdated = _outdated(encoder.name)
    total = outdated.count()
    done = last = 0
    if progress and total:
        progress("encoding texts", 0, total)  # loading the model takes seconds, so say what is going on
    while chunk := list(outdated.filter(pk__gt=last).order_by("pk").values_list("pk", "text", "text_hash")[:CHUNK]):
        vectors = encoder.encode([text for _, text, _ in chunk])
        keep(encoder.name, [(pk, text_hash) for pk, _, text_hash in chunk], vectors)
        last = chunk[-1][0]
        done += len(chunk)
        if progress:
            progress("encoding texts", done, max(done, total))
    return done


def _outdated(encoder: str) -> QuerySet[Item]:
    current = ItemContent.objects.filter(encoder=encoder, text_hash=F("item__text_hash")).values("item_id")
    return Item.objects.exclude(text="").exclude(pk__in=current)


def keep(encoder: str, items: list[tuple[int, str]], vectors: npt.NDArray[np.float32]) -> None:
    """Store one vector for each item and the hash of what it was made from."""
    ItemContent.objects.bulk_create(
        [
            ItemContent(item_id=pk, encoder=encoder, text_hash=made_from, vector=vector.tobytes())
            for (pk, made_from), vector in zip(items, vectors.astype("<f2"), strict=True)
        ],
        update_conflicts=True,
        unique_fields=["encoder", "item"],
        update_fields=["text_hash", "vector"],
    )
