"""Where a list goes on: the items it has shown, so that no page repeats one whatever happens in between."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable

MAX_SEEN = 500
"""Items that the pages of one list may hold together."""


def pack(items: Iterable[int]) -> str:
    """The primary keys of items as an opaque word. It needs no signature: it can only leave items out."""
    keys = list(items)
    return base64.urlsafe_b64encode(zlib.compress(struct.pack(f"<{len(keys)}q", *keys))).decode().rstrip("=")


def unpack(cursor: str) -> list[int] | None:
    """The primary keys in a cursor; None for what is none."""
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        reader = zlib.decompressobj()
        data = reader.decompress(packed, 8 * MAX_SEEN)
        keys = struct.unpack(f"<{len(data) // 8}q", data)
    except (binascii.Error, zlib.error, struct.error, ValueError):
        return None
    return list(keys) if reader.eof or reader.unconsumed_tail else None  # else it was cut off
