"""How much of a catalogue a caller's queryset keeps, by trying it on a sample; and what follows for the search.

An estimate decides only how an answer is found, never what it is, so it is kept for a minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .filters import Keys
from .statement import Fragment, Rows, compose, longs, texts

SAMPLE = 1000
"""Objects of each source on which a queryset is tried."""
SECONDS = 60.0
MOST = 1000
"""How many querysets are remembered."""
LISTING_WINS = 4500
"""Share of a catalogue below which listing beats asking row by row is the root of this over its size; measured."""
LISTING_BEATS_LISTS = 1000
"""The same where the vectors are in lists, and what is near is tried at once."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Objects of one source at random, as arrays in SQL."""

    size: int = 0
    ids: str = "{}"
    numbers: str = "{}"  # those that are whole numbers, null for the others
    part: float = 1.0  # of the catalogue that is of this source

    @classmethod
    def of(cls, object_ids: Iterable[str], part: float = 1.0) -> Sample:
        """The first `SAMPLE` of them."""
        ids = list(object_ids)[:SAMPLE]
        return cls(len(ids), texts(ids), longs(number_of(one) for one in ids), part)


def number_of(object_id: str) -> int | None:
    """A key as the number that it is; None for one that is none."""
    return int(object_id) if object_id.isascii() and object_id.isdigit() and len(object_id) < 19 else None


def probe(keys: Keys, sample: Sample) -> Fragment:
    """SELECT of how many objects of a sample a queryset holds."""
    return compose(
        "with drawn(object_id, object_key) as materialized (select * from unnest({ids}::text[], {numbers}::bigint[]))"
        " select count(*) from drawn as v where {held}",
        ids=sample.ids,
        numbers=sample.numbers,
        held=keys.tried(Fragment("drawn")) if keys.can_be_tried else keys.holds,
    )


_shares: dict[tuple[Any, ...], tuple[float, float]] = {}


def known_share(keys: Keys, version_id: int) -> float | None:
    """What was found for the same queryset within the last minute."""
    share, until = _shares.get(_name(keys, version_id), (0.0, 0.0))
    return share if time.monotonic() < until else None


def read_share(rows: Rows, keys: Keys, sample: Sample, version_id: int) -> float:
    """The rows of `probe`, as a share of the catalogue; 0 where there was nothing to try it on."""
    share = (rows[0][0] + 0.5) / sample.size * sample.part if sample.size else 0.0
    if len(_shares) >= MOST:
        _shares.clear()
    _shares[_name(keys, version_id)] = (min(1.0, share), time.monotonic() + SECONDS)
    return min(1.0, share)


def forget() -> None:
    """Try every queryset again; for tests."""
    _shares.clear()


def is_narrow(share: float, items: int, *, lists: bool = False) -> bool:
    """Whether a queryset that keeps such a share is better listed first, in a catalogue of so many items.

    With `lists` all that is near could be tried at once instead.
    """
    wins = LISTING_BEATS_LISTS if lists else LISTING_WINS
    return share < min(0.5, (wins / max(items, 1)) ** 0.5)


def _name(keys: Keys, version_id: int) -> tuple[Any, ...]:
    return version_id, keys.label, keys.select.text, repr(keys.select.params)
