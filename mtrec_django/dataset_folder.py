"""A folder of gzipped CSV files becomes rows, or a whole Dataset: standard library and numpy only.

`interactions.csv.gz` has `user_id, item_id, scenario, event, value` and, where known, `timestamp` (unix seconds or ISO
8601), `split` and `basket`; `items`, `users` and `relations` are optional. A column nobody knows is a feature. A row
that cannot be used is a `BadRow` with its line and cause: nothing is lost in silence.
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from .dataset import (
    NEGATIVE_KINDS,
    NO_SCENARIO,
    Bools,
    Dataset,
    Events,
    Floats,
    Goal,
    Ints,
    Items,
    Labels,
    Longs,
    Users,
)

LATEST = 4_102_444_800
"""The year 2100: a time beyond it was milliseconds, or a mistake."""

Encode = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    line: int
    cause: str  # "missing id", "bad number", "bad time", "short row", …


@dataclass(frozen=True, slots=True)
class Interaction:
    """One event."""

    user_id: str
    item_id: str
    scenario: str
    kind: str
    value: float  # NaN where there is none
    time: int  # unix seconds, 0 where unknown
    split: str = ""
    basket: str = ""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item; `features` holds every further column as it stood in the file."""

    item_id: str
    scenario: str
    title: str
    categories: list[str]
    features: dict[str, str] = field(default_factory=dict)
    text: str = ""  # what an encoder reads, where it is more than the title


@dataclass(frozen=True, slots=True)
class UserRow:
    """One visitor."""

    user_id: str
    features: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelationRow:
    """One visitor's tie to another."""

    user_id: str
    other_id: str
    kind: str
    weight: float


@dataclass(frozen=True, slots=True)
class Folder:
    """A dataset folder, read."""

    dataset: Dataset
    problems: dict[str, int]  # cause -> rows left out
    split: npt.NDArray[np.int8] | None = None  # [events], 0 train, 1 validation, 2 test; None where the file has none
    texts: list[str] = field(default_factory=list)  # [items], what an encoder would read


def iter_interactions(path: str | Path) -> Iterator[Interaction | BadRow]:
    """The rows of `interactions.csv.gz`, in file order, one at a time."""
    for line, row in _rows(Path(path) / "interactions.csv.gz", ("user_id", "item_id")):
        yield _interaction(line, row) if isinstance(row, dict) else row


def iter_items(path: str | Path) -> Iterator[ItemRow | BadRow]:
    """The rows of `items.csv.gz`; nothing when there is no such file."""
    known = {"item_id", "scenario", "title", "categories", "text"}
    for _, row in _rows(Path(path) / "items.csv.gz", ("item_id",), optional=True):
        if isinstance(row, BadRow):
            yield row
            continue
        labels = [label for label in row.get("categories", "").split("|") if label]
        features = {name: value for name, value in row.items() if name not in known}
        yield ItemRow(
            row["item_id"], row.get("scenario", ""), row.get("title", ""), labels, features, row.get("text", "")
        )


def iter_users(path: str | Path) -> Iterator[UserRow | BadRow]:
    """The rows of `users.csv.gz`; nothing when there is no such file."""
    for _, row in _rows(Path(path) / "users.csv.gz", ("user_id",), optional=True):
        yield row if isinstance(row, BadRow) else UserRow(row.pop("user_id"), row)


def iter_relations(path: str | Path) -> Iterator[RelationRow | BadRow]:
    """The rows of `relations.csv.gz`; nothing when there is no such file."""
    for line, row in _rows(Path(path) / "relations.csv.gz", ("user_id", "other_id"), optional=True):
        if isinstance(row, BadRow):
            yield row
            continue
        weight = _number(row.get("weight", "") or "1")
        if weight is None:
            yield BadRow(line, "bad number")
        else:
            yield RelationRow(row["user_id"], row["other_id"], row.get("kind", ""), weight)


def _rows(file: Path, needed: tuple[str, ...], *, optional: bool = False) -> Iterator[tuple[int, Any]]:
    """Line number and the row as a dict, or as a BadRow where it is short or lacks an id."""
    if optional and not file.exists() and not file.with_suffix("").exists():
        return
    with _open(file) as lines:
        reader = csv.reader(lines)
        names = [name.strip() for name in next(reader, [])]
        if missing := [name for name in needed if name not in names]:
            raise ValueError(f"{file.name} has no column {missing[0]!r}: {names}")
        for row in reader:
            if len(row) != len(names):
                yield reader.line_num, BadRow(reader.line_num, "short row")
                continue
            found = dict(zip(names, row, strict=True))
            good = all(found[name] for name in needed)
            yield reader.line_num, found if good else BadRow(reader.line_num, "missing id")


def _open(file: Path) -> IO[str]:
    if not file.exists() and file.with_suffix("").exists():
        return file.with_suffix("").open(encoding="utf-8", newline="")
    return gzip.open(file, "rt", encoding="utf-8", newline="")


def _interaction(line: int, row: dict[str, str]) -> Interaction | BadRow:
    value = _number(row["value"]) if row.get("value") else math.nan
    if value is None:
        return BadRow(line, "bad number")
    time = _time(row["timestamp"]) if row.get("timestamp") else 0
    if time is None:
        return BadRow(line, "bad time")
    kind = row.get("event") or "view"
    scenario = row.get("scenario", "")
    return Interaction(
        row["user_id"], row["item_id"], scenario, kind, value, time, row.get("split", ""), row.get("basket", "")
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _time(text: str) -> int | None:
    number = _number(text)
    if number is None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        number = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(number) if 0 < number < LATEST else None


def read_folder(path: str | Path, *, encode: Encode | None = None) -> Folder:
    """Read everything. Each scenario becomes a goal that counts the positive kinds seen there equally.

    Events are sorted by user and time, equal times by a hash of user and item, since the order inside one order is no
    knowledge. `encode` gives the content of the items from their texts; without it content has no columns.
    """
    problems: Counter[str] = Counter()
    items = _keep(iter_items(path), problems, "items: ")
    users = _keep(iter_users(path), problems, "users: ")
    events = _Log()
    for row in iter_interactions(path):
        if isinstance(row, BadRow):
            problems[row.cause] += 1
        else:
            events.add(row)
    return events.folder(items, users, list(iter_relations(path)), problems, encode)


def _keep(rows: Iterator[Any], problems: Counter[str], prefix: str) -> list[Any]:
    kept: list[Any] = []
    for row in rows:
        if isinstance(row, BadRow):
            problems[prefix + row.cause] += 1
        else:
            kept.append(row)
    return kept


SPLITS = {"train": 0, "valid": 1, "validation": 1, "test": 2}


class _Log:
    """Events as growing columns of plain numbers: some 40 bytes an event and no object."""

    def __init__(self) -> None:
        self.users: dict[str, int] = {}
        self.items: dict[str, int] = {}
        self.kinds: dict[str, int] = {}
        self.scenarios: dict[str, int] = {}
        self.columns: dict[str, array[Any]] = {name: array(code) for name, (code, _) in _TYPES.items()}

    def add(self, row: Interaction) -> None:
        add = {name: column.append for name, column in self.columns.items()}
        add["user"](self.users.setdefault(row.user_id, len(self.users)))
        add["item"](self.items.setdefault(row.item_id, len(self.items)))
        add["kind"](self.kinds.setdefault(row.kind, len(self.kinds)))
        named = bool(row.scenario)
        add["scenario"](self.scenarios.setdefault(row.scenario, len(self.scenarios)) if named else NO_SCENARIO)
        add["value"](row.value)
        add["time"](row.time)
        add["split"](SPLITS.get(row.split, 0))
        add["tie"](zlib.crc32(f"{row.user_id}|{row.item_id}".encode()))

    def folder(
        self,
        items: list[ItemRow],
        users: list[UserRow],
        relations: list[Any],
        problems: Counter[str],
        encode: Encode | None,
    ) -> Folder:
        item_ids = [row.item_id for row in items] if items else list(self.items)
        item_at = {name: position for position, name in enumerate(item_ids)}
        for row in users:
            self.users.setdefault(row.user_id, len(self.users))
        rows = self._rows(np.array([item_at.get(name, -1) for name in self.items], np.int32), problems)
        events = Events(**{name: rows[name] for name in ("user", "item", "kind", "scenario", "value", "time")})
        texts = [row.text or row.title for row in items] or [""] * len(item_ids)
        dataset = Dataset(
            items=_items(item_ids, items, encode(texts) if encode else np.zeros((len(item_ids), 0), np.float32)),
            users=_users(self.users, users, [row for row in relations if isinstance(row, RelationRow)]),
            events=events,
            kinds=list(self.kinds),
            goals=[self._goal(events, at, name) for name, at in self.scenarios.items()],
            catalogue=self._catalogue(events, items, item_at),
        )
        split = rows["split"]
        return Folder(dataset, dict(problems), split if split.any() else None, texts)

    def _rows(self, position: Ints, problems: Counter[str]) -> dict[str, npt.NDArray[Any]]:
        """The columns in their order, without events of unknown items and without the same event twice."""
        rows = {name: np.array(self.columns.pop(name), kind) for name, (_, kind) in _TYPES.items()}
        rows["item"] = position[rows["item"]] if len(position) else rows["item"]
        known = rows["item"] >= 0
        if not known.all():
            problems["unknown item"] += int((~known).sum())
        order = np.flatnonzero(known)
        order = order[np.lexsort([rows[name][order] for name in ("tie", "time", "split", "user")])]
        same = _repeats_the_row_above(rows, order)
        if same.any():
            problems["duplicate"] += int(same.sum())
        order = order[~same]
        return {name: rows.pop(name)[order] for name in _TYPES if name != "tie"}

    def _goal(self, events: Events, scenario: int, name: str) -> Goal:
        seen = set(np.unique(events.kind[events.scenario == scenario]).tolist())
        signs = {kind: -1.0 if kind in NEGATIVE_KINDS else 1.0 for kind, at in self.kinds.items() if at in seen}
        if "rating" in signs:
            signs["rating:low"] = signs["rating"]  # whoever rated had it, which is what a benchmark asks for
        return Goal(name, {kind: sign for kind, sign in signs.items() if kind != "impression"})

    def _catalogue(self, events: Events, items: list[ItemRow], item_at: dict[str, int]) -> Bools:
        catalogue = np.zeros((len(self.scenarios), len(item_at)), bool)
        there = events.scenario >= 0
        catalogue[events.scenario[there], events.item[there]] = True
        for row in items:
            if row.scenario in self.scenarios:
                catalogue[self.scenarios[row.scenario], item_at[row.item_id]] = True
        return catalogue


_TYPES: dict[str, tuple[str, Any]] = {
    "user": ("i", np.int32),
    "item": ("i", np.int32),
    "kind": ("i", np.int32),
    "scenario": ("i", np.int32),
    "value": ("f", np.float32),
    "time": ("q", np.int64),
    "split": ("b", np.int8),
    "tie": ("I", np.uint32),
}


def _repeats_the_row_above(rows: dict[str, npt.NDArray[Any]], order: Longs) -> Bools:
    """The same event twice: user, item, kind, scenario and a known time are all equal. [order]"""
    same = np.zeros(len(order), bool)
    above, below = order[:-1], order[1:]
    same[1:] = rows["time"][below] > 0
    for name in ("user", "item", "kind", "scenario", "time", "tie"):
        same[1:] &= rows[name][below] == rows[name][above]
    return same


def _items(ids: list[str], rows: list[ItemRow], content: Floats) -> Items:
    labels, numbers = _features([row.features for row in rows])
    if any(row.categories for row in rows):
        labels["categories"] = Labels.from_rows([row.categories for row in rows])
    return Items(np.array(ids), content, labels, numbers, [row.title for row in rows])


def _users(positions: dict[str, int], rows: list[UserRow], relations: list[RelationRow]) -> Users:
    by_id = {row.user_id: row.features for row in rows}
    labels, numbers = _features([by_id.get(name, {}) for name in positions])
    pairs = [
        (positions[row.user_id], positions[row.other_id], row.weight)
        for row in relations
        if row.user_id in positions and row.other_id in positions
    ]
    if not pairs:
        return Users(np.array(list(positions)), labels, numbers)
    columns = np.array(pairs)
    edges = (columns[:, 0].astype(np.int32), columns[:, 1].astype(np.int32), columns[:, 2].astype(np.float32))
    return Users(np.array(list(positions)), labels, numbers, edges)


def _features(rows: list[dict[str, str]]) -> tuple[dict[str, Labels], dict[str, Floats]]:
    """A column is a number when it reads as one, takes many values and is no id; else it is a label."""
    labels: dict[str, Labels] = {}
    numbers: dict[str, Floats] = {}
    for name in dict.fromkeys(key for row in rows for key in row):
        column = [row.get(name, "") for row in rows]
        parsed = [_number(text) if text else math.nan for text in column]
        many = len(set(column)) > 20 and not name.endswith("id")
        if many and all(number is not None for number in parsed):
            numbers[name] = np.array(parsed, np.float32)
        else:
            labels[name] = Labels.from_rows([part for part in text.split("|") if part] for text in column)
    return labels, numbers
