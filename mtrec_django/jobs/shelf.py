"""All items of a base version in memory: what lists of many visitors are made from. Loaded once a process and version.

About 1,700 bytes an item with a hundred neighbours, and some 200 more where texts are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from django.db import connections, transaction

from ..conf import DIM
from ..inference.texts import Bytes
from ..inference.texts import unpack as unpack_texts
from ..retrieval import store
from ..retrieval.statement import Fragment, compose, read
from .copying import copy_rows

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

ROWS = 5000
"""Lists of neighbours read at once."""

_VECTOR = np.dtype([("dim", ">u2"), ("unused", ">u2"), ("values", ">f2", (DIM,))])


@dataclass(frozen=True, slots=True)
class Shelf:
    """Items by position, in the order of their primary keys."""

    items: Longs  # [items]
    labels: npt.NDArray[np.object_]  # [items]
    object_ids: npt.NDArray[np.object_]  # [items]
    titles: npt.NDArray[np.object_]  # [items]
    vectors: Floats  # [items, dim]
    neighbours: list[bytes | None]  # of each item, packed
    texts: Bytes | None = None  # what is written on each, where that is compared [items, width]

    def __len__(self) -> int:
        return len(self.items)

    def written(self, at: Longs) -> Floats | None:
        """What is written where items stand, NaN for nothing and for -1; None where not compared. [at, width]"""
        if self.texts is None:
            return None
        rows = unpack_texts(self.texts[at].tobytes(), self.texts.shape[1])
        return np.where((at >= 0)[:, None], rows, np.float32("nan"))

    def positions(self, items: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Where items stand, -1 for what is not there."""
        wanted = np.asarray(items, np.int64)
        if not len(self.items):
            return np.full(wanted.shape, -1, np.int64)
        at = np.minimum(np.searchsorted(self.items, wanted), len(self.items) - 1)
        return np.where(self.items[at] == wanted, at, -1)


@lru_cache(maxsize=1)
def shelf(version_id: int, stamp: str, width: int = 0) -> Shelf:
    """The items of a base version, kept as long as the same batch asks: `stamp` names it. With a width, what is written
    on them too, so many bytes each."""
    table = store.vectors_table(version_id).text
    text = f", {store.packed_text(Fragment('text'), width).text}" if width else ""
    read_in = copy_rows(
        f"select item_id, vector{text} from {table} where version_id = {int(version_id)} order by item_id",  # noqa: S608
        [],
        [("item", ">i8"), ("vector", f"V{_VECTOR.itemsize}"), *([("text", f"V{width}")] if width else [])],
    )
    items = read_in["item"].astype(np.int64)
    cells = np.ascontiguousarray(read_in["vector"]).view(_VECTOR)
    labels, object_ids, titles = _names(items)
    vectors = cells["values"].reshape(-1, DIM).astype(np.float32)
    texts = np.ascontiguousarray(read_in["text"]).view(np.int8).reshape(-1, width) if width else None
    return Shelf(items, labels, object_ids, titles, vectors, _neighbours(items, version_id), texts)


def _names(items: Longs) -> list[npt.NDArray[np.object_]]:
    """Labels, primary keys and titles of the items; empty for one that is gone."""
    asked = compose("select id, source, object_id, title from mtrec_item where id = any({items})", items=items.tolist())
    (rows,) = read([asked], using=store.database())
    known = {item: (label, object_id, title) for item, label, object_id, title in rows}
    found = [known.get(item, ("", "", "")) for item in items.tolist()]
    return [np.array([row[at] for row in found], np.object_) for at in range(3)]


def _neighbours(items: Longs, version_id: int) -> list[bytes | None]:
    """The packed neighbours of each item, see `retrieval.gathering`."""
    table = store.neighbours_table(version_id).text
    known: dict[int, bytes] = {}
    with transaction.atomic(using=store.database()):
        connection = connections[store.database()]
        with connection.connection.cursor(name="mtrec_neighbours") as cursor:
            cursor.execute(f"select item_id, packed from {table} where version_id = {int(version_id)}")  # noqa: S608
            while block := cursor.fetchmany(ROWS):
                known.update((item, bytes(packed)) for item, packed in block)
    return [known.get(item) for item in items.tolist()]
