"""Texts into vectors of the frozen encoder: once for each text, known again by its hash."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np
import numpy.typing as npt
from django.db.models import F, QuerySet

from ..conf import get_config
from ..models import Item, ItemContent
from ..models.locks import TEXTS_SPACE
from ..queueing import send_light
from ..representation.encoders import TextEncoder, load_encoder
from .sharing import share

CHUNK = 512
"""Texts encoded between two writes: what a killed worker loses at most."""

HELPERS = 8
"""Workers that are asked at most; each takes chunks until none is left."""

Progress = Callable[[str, int, int], None]


def encode_items(progress: Progress | None = None, *, encoder: TextEncoder | None = None) -> int:
    """Encode every text that has no vector of the encoder in force, or an outdated one; returns how many.

    Several workers share the chunks; when this returns, those of the others are encoded too.
    """
    encoder = encoder or load_encoder(get_config().ENCODER)
    outdated = _outdated(encoder.name)
    total, done = outdated.count(), 0
    if progress and total:
        progress("encoding texts", 0, total)  # loading the model takes seconds, so say what is going on

    def work(some: QuerySet[Item]) -> None:
        nonlocal done
        rows = list(some.values_list("pk", "text", "text_hash"))
        if rows:
            keep(encoder.name, [(pk, text_hash) for pk, _, text_hash in rows], encoder.encode([row[1] for row in rows]))
        done += len(rows)
        if progress:
            progress("encoding texts", done, max(done, total))

    share(outdated, CHUNK, TEXTS_SPACE, work)
    return done


def call_helpers() -> int:
    """Where there are more texts than one chunk, ask other workers to encode beside this one; returns how many."""
    outdated = _outdated(load_encoder(get_config().ENCODER).name).count()
    wanted = min(HELPERS, max(0, ceil(outdated / CHUNK) - 1))
    return sum(send_light("mtrec.help_encode") for _ in range(wanted))


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
