"""Plain arrays between the database side and the learner: numpy only, knows nothing of Django or torch.

Rows are known by position: item 0 is the first row of every item array. `ids` carry whatever the caller calls
them (primary keys from the database, text from a folder) and are opaque to the learner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from .columns import Columns, release

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Content = npt.NDArray[np.float16] | npt.NDArray[np.float32]

ELSEWHERE = -2
"""The `scenario` of an event at a place which is not among the goals: part of a history, never a target."""

NO_SCENARIO = -1
"""The `scenario` of an event at no particular place: it counts for every scenario whose goal names its kind."""

NEGATIVE_KINDS = frozenset({"dislike", "hide", "report"})
"""Kinds that say no. An `impression` says nothing by itself."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What one scenario wants, as the learner sees it."""

    name: str
    weights: dict[str, float] = field(default_factory=dict)
    """Event kind -> how much one such event counts; below zero for kinds that say no. Kinds left out do not count."""
    repeats: bool | None = False
    """Whether an item the visitor already had may be the right answer (a grocery wants it, a bookshop does not); None
    lets the learner measure it."""
    in_session: bool = False
    """Whether it asks in the midst of a visit (a basket or product page) and not at its beginning (a home page)."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Any number of labels a row, in CSR form."""

    names: list[str]
    indptr: Longs  # [rows + 1]
    codes: Ints  # [labels in all], an index into names

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[str]]) -> Labels:
        """Number the labels in order of first appearance."""
        index: dict[str, int] = {}
        codes: list[int] = []
        indptr = [0]
        for row in rows:
            codes.extend(index.setdefault(label, len(index)) for label in row)
            indptr.append(len(codes))
        return cls(list(index), np.asarray(indptr, np.int64), np.asarray(codes, np.int32))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row(self, position: int) -> list[str]:
        """The labels of one row."""
        return [self.names[code] for code in self.codes[self.indptr[position] : self.indptr[position + 1]]]

    def part(self, first: int, last: int) -> Labels:
        """The rows from `first` up to, not including, `last`."""
        begin, end = self.indptr[first], self.indptr[last]
        return Labels(self.names, self.indptr[first : last + 1] - begin, self.codes[begin:end])


@dataclass(frozen=True, slots=True)
class Items:
    """The catalogue: everything known of an item before anyone has clicked on it."""

    ids: npt.NDArray[np.generic]  # [items], opaque
    content: Content  # [items, width], the frozen encoder's output; zeros where there is no text
    categories: dict[str, Labels] = field(default_factory=dict)  # field -> labels of every item
    numbers: dict[str, Floats] = field(default_factory=dict)  # field -> [items], NaN where missing
    titles: Sequence[str] = ()  # [items] or empty; for cards and messages only
    images: Content | None = None  # [items, width], the image encoder's output; zeros where there is no picture

    def __len__(self) -> int:
        return len(self.ids)

    def parts(self, rows: int = 65_536) -> Iterator[tuple[slice, Items]]:
        """The catalogue in pieces of at most so many items, each with its place: what is made of it piece by piece
        takes no more memory for a large one."""
        for first in range(0, len(self), rows):
            last = min(first + rows, len(self))
            yield (
                slice(first, last),
                replace(
                    self,
                    ids=self.ids[first:last],
                    content=self.content[first:last],
                    categories={name: labels.part(first, last) for name, labels in self.categories.items()},
                    numbers={name: column[first:last] for name, column in self.numbers.items()},
                    titles=self.titles[first:last],
                ),
            )
            release(self.content)

    @property
    def has_content(self) -> Bools:  # [items]
        parts = [np.any(part.content != 0, axis=1) for _, part in self.parts()]
        return np.concatenate(parts) if parts else np.zeros(0, bool)


@dataclass(frozen=True, slots=True)
class Events:
    """What visitors did, one row an event, sorted by (user, time); ties are in the order the caller gave."""

    user: Ints  # [events], position in Users
    item: Ints  # [events], position in Items
    kind: Ints  # [events], position in Dataset.kinds
    scenario: Ints  # [events], position in Dataset.goals, or NO_SCENARIO
    value: Floats  # [events], rating, quantity, money; NaN where the event has none
    time: Longs  # [events], unix seconds; zeros where unknown

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, rows: Bools | Longs | slice) -> Events:
        return Events(
            self.user[rows], self.item[rows], self.kind[rows], self.scenario[rows], self.value[rows], self.time[rows]
        )

    @classmethod
    def columns(cls) -> Columns:
        """Where events are collected that may be more than memory holds; `Events(**columns.arrays())` reads them."""
        ints = dict.fromkeys(("user", "item", "kind", "scenario"), np.int32)
        return Columns(**ints, value=np.float32, time=np.int64)

    def indptr(self, users: int) -> Longs:
        """Where each user's events begin and end. [users + 1]"""
        return np.searchsorted(self.user, np.arange(users + 1)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Shown:
    """What visitors were shown many times, whatever they made of it; one row a visitor and item, in any order."""

    user: Ints  # [rows], position in Users
    item: Ints  # [rows], position in Items
    scenario: Ints  # [rows], where: position in Dataset.goals, NO_SCENARIO or ELSEWHERE
    time: Longs  # [rows], unix seconds: when it had been shown often enough to count

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, rows: Bools | Longs | slice) -> Shown:
        return Shown(self.user[rows], self.item[rows], self.scenario[rows], self.time[rows])

    @classmethod
    def none(cls) -> Shown:
        """Nothing was."""
        ints = np.empty(0, np.int32)
        return cls(ints, ints, ints, np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Users:
    """The visitors, by position, with what is known of them besides their events."""

    ids: npt.NDArray[np.generic]  # [users], opaque
    categories: dict[str, Labels] = field(default_factory=dict)
    numbers: dict[str, Floats] = field(default_factory=dict)
    relations: tuple[Ints, Ints, Floats] | None = None  # from, to, weight: [relations] each

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Dataset:
    """All that a training reads."""

    items: Items
    users: Users
    events: Events
    kinds: list[str]
    goals: list[Goal]
    catalogue: Bools  # [goals, items], which items each scenario may show
    shown: Shown = field(default_factory=Shown.none)

    def with_events(self, events: Events) -> Dataset:
        """The same catalogue and visitors with other events (a split)."""
        return replace(self, events=events)

    def scenario(self, name: str) -> int:
        """The position of a scenario, by its name."""
        for position, goal in enumerate(self.goals):
            if goal.name == name:
                return position
        raise LookupError(f"no scenario {name!r} among {[goal.name for goal in self.goals]}")

    def weight(self, scenario: int) -> Floats:
        """What each event counts in a scenario: its kind's weight if it happened there or nowhere, else 0. [events]"""
        goal = self.goals[scenario]
        by_kind = np.asarray([goal.weights.get(kind, 0.0) for kind in self.kinds], np.float32)
        here = (self.events.scenario == scenario) | (self.events.scenario == NO_SCENARIO)
        return np.where(here, by_kind[self.events.kind], np.float32(0)).astype(np.float32)
