"""What is known of visitors besides their events moves their queries: labels and numbers, and what their friends like.

    u_s = normalise(h + U[rows of the visitor's features] + f M), f the mean vector of his friends' last events

It is trained after the network, which stays as it is, and kept only where validation says so: it can do no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from ..dataset import NEGATIVE_KINDS, Bools, Dataset, Events, Floats, Ints, Longs, Users
from ..inference.profile import FRIEND_EVENTS, FRIENDS, Vocabulary
from .artifacts import Trained
from .evaluation import Doubles, margin
from .network import Network, Profiles
from .training import states

if TYPE_CHECKING:
    from .run import Run

FEWEST = 10
"""Visitors who must share a label before it has a row."""

RANGES = 5
"""Of a number, by quantiles."""

STEPS = 300
BATCH = 1024
DROPPED = 0.2
"""Share of features that a step does not see."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of each visitor, as matrices."""

    features: sparse.csr_matrix  # [users, rows], each row a mean
    friends: Floats  # [users, dim], unit length; zeros where there are none

    @classmethod
    def of(cls, dataset: Dataset, events: Events, vectors: Floats, vocabulary: Vocabulary) -> Known:
        """`events` are those that friends are known by."""
        return cls(feature_matrix(dataset.users, vocabulary), friends_of(dataset, events, vectors))

    def apply(self, arrays: dict[str, Floats]) -> Floats | None:
        """What is added to each visitor's state. [users, dim]"""
        if not arrays:
            return None
        parts = {"user": self.features, "friends": self.friends}
        return np.asarray(sum(parts[name] @ array for name, array in arrays.items()), np.float32)


def vocabulary_of(users: Users) -> Vocabulary:
    """Labels that enough visitors share, and ranges of numbers."""
    labels: dict[str, dict[str, int]] = {}
    edges: dict[str, list[float]] = {}
    first: dict[str, int] = {}
    size = 0
    for name, column in users.categories.items():
        counts = np.bincount(column.codes, minlength=len(column.names))
        common = np.flatnonzero(counts >= FEWEST)
        labels[name] = {column.names[code]: size + row for row, code in enumerate(common)}
        size += len(common)
    for name, numbers in users.numbers.items():
        known = numbers[np.isfinite(numbers)]
        if len(known) >= FEWEST:
            edges[name] = np.unique(np.quantile(known, np.arange(1, RANGES) / RANGES)).tolist()
            first[name] = size
            size += len(edges[name]) + 1
    return Vocabulary(labels, edges, first)


def feature_matrix(users: Users, vocabulary: Vocabulary) -> sparse.csr_matrix:
    """The mean over each visitor's rows. [users, rows]"""
    visitor, row = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for name, labels in users.categories.items():
        known = vocabulary.labels.get(name, {})
        at = np.array([known.get(label, -1) for label in labels.names], np.int64)[labels.codes]
        owner = np.repeat(np.arange(len(users)), np.diff(labels.indptr))
        visitor.append(owner[at >= 0])
        row.append(at[at >= 0])
    for name, edges in vocabulary.edges.items():
        numbers = users.numbers.get(name, np.full(len(users), np.nan, np.float32))
        owner = np.flatnonzero(np.isfinite(numbers))
        visitor.append(owner)
        row.append(vocabulary.first[name] + np.searchsorted(edges, numbers[owner].astype(np.float64), side="right"))
    owner, rows = np.concatenate(visitor), np.concatenate(row)
    share = 1 / np.maximum(np.bincount(owner, minlength=len(users)), 1)
    shape = (len(users), vocabulary.size)
    return sparse.csr_matrix((share[owner].astype(np.float32), (owner, rows)), shape=shape)


def friends_of(dataset: Dataset, events: Events, vectors: Floats) -> Floats:
    """The mean direction of the strongest friends' last events but those of negative kinds. [users, dim]"""
    users, out = len(dataset.users), np.zeros((len(dataset.users), vectors.shape[1]), np.float32)
    if dataset.users.relations is None or not len(events):
        return out
    one, other = _strongest(*dataset.users.relations)
    yes = ~np.array([kind in NEGATIVE_KINDS for kind in dataset.kinds], bool)[events.kind]
    events = events[yes]
    bounds = events.indptr(users)
    recent = np.arange(len(events)) >= bounds[1:][events.user] - FRIEND_EVENTS
    rows = np.flatnonzero(recent)
    ones = np.ones(len(rows), np.float32)
    met = sparse.csr_matrix((ones, (events.user[rows], events.item[rows])), shape=(users, len(vectors)))
    tied = sparse.csr_matrix((np.ones(len(one), np.float32), (one, other)), shape=(users, users))
    total = np.asarray((tied @ met) @ vectors, np.float32)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def _strongest(one: Ints, other: Ints, weight: Floats) -> tuple[Ints, Ints]:
    order = np.lexsort((other, -weight, one))
    one, other, weight = one[order], other[order], weight[order]
    rank = np.arange(len(one)) - np.searchsorted(one, one)
    good = (rank < FRIENDS) & (weight > 0)
    return one[good], other[good]


def choose_profiles(run: Run, network: Network, known: Dataset, judge: Callable[[], Doubles]) -> None:
    """Train the tables and keep those with which the questions of `judge` are answered better beyond noise.

    While it is judged each visitor is told what the other half of the visitors taught: that those who share a label
    share a taste by chance is seen in their own questions too, and says nothing of anybody else.
    """
    lesson = _Lesson.of(run, network, known)
    if lesson is None:
        return
    arrays, half = lesson.learned(run, network), np.random.default_rng(run.seed).random(len(run.dataset.users)) < 0.5
    one, other = lesson.learned(run, network, half), lesson.learned(run, network, ~half)
    without, best, kept = judge(), 0.0, network.profiles
    for names in dict.fromkeys([lesson.names, *((name,) for name in lesson.names)]):
        strangers = np.where(half[:, None], lesson.added(other, names), lesson.added(one, names))
        network.profiles = Profiles(lesson.vocabulary, arrays, strangers)
        gain = margin(judge(), without, seed=run.seed)
        if gain["low"] > 0 and gain["mean"] > best:
            best, kept = gain["mean"], lesson.profiles(arrays, names)
    network.profiles = kept


def visitors_of(version: Trained, dataset: Dataset, events: Events, vectors: Floats) -> Floats | None:
    """What a version adds for each visitor of a data set; its vectors in the data set's order. [users, dim]"""
    arrays = {name: array for name, array in version.artifact.part("query").items() if name in ("user", "friends")}
    vocabulary = Vocabulary.from_json(version.artifact.config.get("profile", {}))
    return Known.of(dataset, events, vectors, vocabulary).apply(arrays) if arrays else None


def train_profiles(run: Run, network: Network, known: Dataset, names: tuple[str, ...]) -> Profiles:
    """Train those tables on the known events, the network as it is."""
    lesson = _Lesson.of(run, network, known, names) if names else None
    return Profiles() if lesson is None else lesson.profiles(lesson.learned(run, network), lesson.names)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What tables are learned from."""

    vocabulary: Vocabulary
    names: tuple[str, ...]
    about: Known
    vectors: Floats  # [items, dim]
    state: Tensor  # [targets, dim]
    target: Tensor  # [targets]
    user: Longs  # [targets]

    @classmethod
    def of(cls, run: Run, network: Network, known: Dataset, names: tuple[str, ...] = ()) -> _Lesson | None:
        """Of the known events, for these tables or for all there can be; nothing where nothing is known of visitors."""
        vocabulary = vocabulary_of(run.dataset.users)
        wanted = names or _tables(run.dataset.users, vocabulary)
        if not wanted:
            return None
        vectors = run.vectors(network, known)
        about = Known.of(run.dataset, known.events, vectors, vocabulary)
        return cls(vocabulary, wanted, about, vectors, *_states(run, network, known))

    def learned(self, run: Run, network: Network, of: Bools | None = None) -> dict[str, Floats]:
        """The tables as these visitors, or all, teach them."""
        torch.manual_seed(run.seed)
        tables = _Tables(self.about, self.names, self.vectors.shape[1])
        rows = np.arange(len(self.user)) if of is None else np.flatnonzero(of[self.user])
        if len(rows):
            chosen = torch.from_numpy(rows)
            vectors = torch.from_numpy(self.vectors)
            _turn(run, tables, network, vectors, self.state[chosen], self.target[chosen], self.user[rows])
        return {name: table.detach().numpy().copy() for name, table in tables.tables.items()}

    def added(self, arrays: dict[str, Floats], names: tuple[str, ...]) -> Floats:
        """What some of the tables add for each visitor. [users, dim]"""
        told = self.about.apply({name: arrays[name] for name in names})
        return np.zeros((len(self.about.friends), self.vectors.shape[1]), np.float32) if told is None else told

    def profiles(self, arrays: dict[str, Floats], names: tuple[str, ...]) -> Profiles:
        """Some of the tables, ready to be served."""
        return Profiles(self.vocabulary, {name: arrays[name] for name in names}, self.added(arrays, names))


def _tables(users: Users, vocabulary: Vocabulary) -> tuple[str, ...]:
    there = {"user": vocabulary.size > 0, "friends": users.relations is not None}
    return tuple(name for name, known in there.items() if known)


class _Tables(nn.Module):
    def __init__(self, about: Known, names: tuple[str, ...], dim: int) -> None:
        super().__init__()
        rows = {"user": about.features.shape[1], "friends": dim}
        self.tables = nn.ParameterDict({name: nn.Parameter(torch.zeros(rows[name], dim)) for name in names})
        self.about = about

    def forward(self, user: Longs) -> Tensor:
        """What is added to the state of each of these visitors. [n, dim]"""
        inputs = {"user": self.about.features[user].toarray(), "friends": self.about.friends[user]}
        kept = {name: functional.dropout(torch.from_numpy(inputs[name]), DROPPED) for name in self.tables}
        parts = [kept[name] @ table for name, table in self.tables.items()]
        return torch.stack(parts).sum(dim=0)


@torch.no_grad()
def _states(run: Run, network: Network, known: Dataset) -> tuple[Tensor, Tensor, Longs]:
    """The network's state before each wanted event, the event's item and its visitor."""
    network.eval()
    vectors = network.tower.all()
    items = np.arange(len(vectors))
    parts: list[tuple[Tensor, Longs, Longs]] = []
    sampler = run.sampler(known, seed=run.seed)
    for number, batch in enumerate(sampler.epoch()):
        run.progress("read histories", number, sampler.batches())
        wanted = np.flatnonzero(batch.weight > 0)
        found = states(network, batch, vectors, items)[torch.from_numpy(wanted)]
        parts.append((found, batch.target[wanted], batch.user[wanted]))
    if not parts:
        return torch.zeros(0, vectors.shape[1]), torch.zeros(0, dtype=torch.long), np.zeros(0, np.int64)
    state, target, user = zip(*parts, strict=True)
    return torch.cat(state), torch.from_numpy(np.concatenate(target)), np.concatenate(user)


def _turn(
    run: Run, tables: _Tables, network: Network, vectors: Tensor, state: Tensor, target: Tensor, user: Longs
) -> None:
    rng = np.random.default_rng(run.seed)
    scale = float(network.scale.detach())
    optimiser = torch.optim.AdamW(tables.parameters(), lr=1e-2, weight_decay=1e-2)
    for step in range(STEPS):
        rows = rng.integers(0, len(target), min(BATCH, len(target)))
        drawn = torch.from_numpy(rng.integers(0, len(vectors), min(run.settings.negatives, len(vectors))))
        items, right = torch.unique(torch.cat([target[rows], drawn]), return_inverse=True)
        count = torch.bincount(right[: len(rows)], minlength=len(items)).float()
        query = functional.normalize(state[rows] + tables(user[rows]), dim=-1)
        logits = scale * query @ vectors[items].T - torch.log(count + len(rows) / len(items))
        loss = functional.cross_entropy(logits, right[: len(rows)])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 10 == 0:
            run.progress("learn visitors", step, STEPS)
