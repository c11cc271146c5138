"""Pictures into vectors of the frozen encoder: once for each picture, known again by the name it is stored under."""

from __future__ import annotations

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db.models import F, QuerySet
from django.db.models.functions import MD5

from ..conf import get_config
from ..models import Item, ItemContent
from ..models.locks import PICTURES_SPACE
from ..representation.images import ImageEncoder, load_image_encoder
from .encoding import Progress, keep
from .sharing import share

CHUNK = 64
"""Pictures held in memory at once, and encoded between two writes."""

MOST_BYTES = 30_000_000
"""A larger file is no picture for a page."""


def encode_images(progress: Progress | None = None, *, encoder: ImageEncoder | None = None) -> int:
    """Encode every stored picture that has no vector of the encoder in force; returns how many.

    A storage gives another upload another name, so a name stands for what it holds. What cannot be read or is no
    picture is zeros; addresses elsewhere are not fetched.
    """
    encoder = encoder or load_image_encoder(get_config().IMAGE_ENCODER)
    if encoder is None:
        return 0
    outdated = _outdated(encoder.name)
    total, done = outdated.count(), 0

    def work(some: QuerySet[Item]) -> None:
        nonlocal done
        rows = list(some.values_list("pk", "image", MD5("image")))
        if rows:
            vectors = encoder.encode([_read(image) for _, image, _ in rows])
            keep(encoder.name, [(pk, name) for pk, _, name in rows], vectors)
        done += len(rows)
        if progress:
            progress("encoding pictures", done, max(done, total))

    share(outdated, CHUNK, PICTURES_SPACE, work)
    return done


def _outdated(encoder: str) -> QuerySet[Item]:
    stored = Item.objects.exclude(image="").exclude(image__regex=r"^(https?:)?//|^data:|^/")
    current = ItemContent.objects.filter(encoder=encoder, text_hash=MD5(F("item__image"))).values("item_id")
    return stored.exclude(pk__in=current)


def _read(name: str) -> bytes:
    try:
        with default_storage.open(name) as file:
            return bytes(file.read(MOST_BYTES))
    except (OSError, SuspiciousFileOperation):
        return b""
