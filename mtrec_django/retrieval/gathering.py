"""What goes with a history, from the lists of neighbours that were read with it.

The same sum as `inference.blend.combine`, over lists as the database holds them. In numpy it takes a tenth of the time
that Postgres needs for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

NEIGHBOUR_BYTES = 12  # of a primary key and a weight


@dataclass(frozen=True, slots=True)
class Gathered:
    """Items that go with a history."""

    items: Longs = field(default_factory=lambda: np.empty(0, np.int64))  # ascending
    strengths: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    partners: Longs = field(default_factory=lambda: np.empty(0, np.int64))  # position of the event that counts most

    def strongest(self, most: int) -> list[int]:
        """The items, strongest first, as far as they are any."""
        if most < len(self.items):  # thousands, of which few are wanted
            some = np.flatnonzero(self.strengths >= np.partition(self.strengths, -most)[-most])
        else:
            some = np.arange(len(self.items))
        order = some[np.argsort(-self.strengths[some], kind="stable")[:most]]
        return self.items[order[self.strengths[order] > 0]].tolist()

    def of(self, items: Longs) -> tuple[Floats, Longs]:
        """Strength and partner of each of some items; 0 and -1 for those that do not go with the history."""
        if not len(self.items):
            return np.zeros(len(items), np.float32), np.full(len(items), -1, np.int64)
        at = np.minimum(np.searchsorted(self.items, items), len(self.items) - 1)
        there = self.items[at] == items
        return np.where(there, self.strengths[at], np.float32(0)), np.where(there, self.partners[at], -1)


def pack(others: Sequence[int], weights: Sequence[float]) -> bytes:
    """A list of neighbours as it is stored: primary keys, then their weights, big-endian."""
    return np.asarray(others, ">i8").tobytes() + np.asarray(weights, ">f4").tobytes()


def unpack(packed: bytes) -> tuple[Longs, Floats]:
    """Primary keys and weights of a list as `pack` stores it."""
    size = 8 * (len(packed) // NEIGHBOUR_BYTES)
    return np.frombuffer(packed[:size], ">i8").astype(np.int64), np.frombuffer(packed[size:], ">f4").astype(np.float32)


def gather(history: Floats, lists: Sequence[bytes | None]) -> Gathered:
    """Sum what goes with each event.

    Args:
        history: what each event counts, most recent first. [events]
        lists: the packed neighbours of each event's item, None where it has none. [events]
    """
    counts = [len(packed) // NEIGHBOUR_BYTES if packed else 0 for packed in lists]
    if not sum(counts):
        return Gathered()
    there = [(packed, count) for packed, count in zip(lists, counts, strict=True) if packed]
    others = np.frombuffer(b"".join(packed[: 8 * count] for packed, count in there), ">i8").astype(np.int64)
    weights = np.frombuffer(b"".join(packed[8 * count :] for packed, count in there), ">f4").astype(np.float32)
    events = np.repeat(np.arange(len(lists)), counts)
    shares = weights * np.asarray(history, np.float32)[events]
    order = _order(others)
    others, shares, events = others[order], shares[order], events[order]
    first = np.flatnonzero(np.concatenate(([True], others[1:] != others[:-1])))
    strongest = np.repeat(np.maximum.reduceat(shares, first), np.diff(first, append=len(others)))
    partners = np.maximum.reduceat(np.where(shares == strongest, events, 0), first)
    strengths = np.add.reduceat(shares, first, dtype=np.float64).astype(np.float32)
    return Gathered(others[first], strengths, partners)


def _order(items: Longs) -> Longs:
    """What sorts items, of equal ones the first first: by sorting the numbers themselves, in a third of the time."""
    bits = len(items).bit_length()
    if items.max() >> (63 - bits):
        return np.argsort(items, kind="stable")
    return np.sort(items << bits | np.arange(len(items))) & ((1 << bits) - 1)
