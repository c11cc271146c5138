"""What is asked in an evaluation: whose history, up to where, and what the right answers are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..dataset import Bools, Dataset, Events, Longs
from ..inference.blend import VISIT_SECONDS, Blend
from ..inference.query import QueryEncoder
from .hearing import refusals
from .ranges import expand
from .sampling import repeated

AT_ONCE = 256
"""Queries that are encoded at once."""
TEST_SHARE = 0.15
VALIDATION_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Queries:
    """Each asks for one visitor at one moment: his history is the rows from `begin` to `end` of the events."""

    scenario: int
    user: Longs  # [queries]
    begin: Longs  # [queries]
    end: Longs  # [queries], the first row that is not known yet
    now: Longs  # [queries], unix seconds
    relevant: sparse.csr_matrix  # [queries, items], ones
    seen: sparse.csr_matrix  # [queries, items], ones: not to be shown again

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: npt.NDArray[np.integer] | Bools) -> Queries:
        """Some of them."""
        return replace(
            self,
            user=self.user[rows],
            begin=self.begin[rows],
            end=self.end[rows],
            now=self.now[rows],
            relevant=self.relevant[rows],
            seen=self.seen[rows],
        )

    def sample(self, n: int, seed: int) -> Queries:
        """At most n of them, the same ones for the same seed."""
        if len(self) <= n:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), n, replace=False)))


@dataclass(frozen=True, slots=True)
class Split:
    """Events by part: 0 train, 1 validation, 2 test."""

    part: npt.NDArray[np.int8]  # [events]
    protocol: str  # "time", "last-out" or "given"
    validation_from: int = 0  # unix seconds, under "time"
    test_from: int = 0


def time_split(
    events: Events,
    *,
    test_share: float = TEST_SHARE,
    validation_share: float = VALIDATION_SHARE,
    by_events: bool = False,
) -> Split:
    """The last 15 % of the time span is test, the 10 % before validation; `by_events`, at most such a share of the
    events: where a site grows, most of what is known may be of the last months, and is to be learned from.
    """
    known = events.time[events.time > 0]
    first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    span = last - first
    test_from = int(last - test_share * span)
    validation_from = int(last - (test_share + validation_share) * span)
    if by_events and len(known):
        ends = np.quantile(known, [1 - test_share - validation_share, 1 - test_share], method="higher")
        validation_from, test_from = max(validation_from, int(ends[0])), max(test_from, int(ends[1]))
    part = (events.time >= validation_from).astype(np.int8) + (events.time >= test_from)
    return Split(part.astype(np.int8), "time", validation_from, test_from)


def last_out(dataset: Dataset, scenario: int, *, shortest: int = 3) -> Split:
    """Per visitor of one scenario: the last distinct item is test, the one before validation, the rest training.

    Events must be sorted by time; other scenarios' events count as training here, `queries` cuts them at the moment
    of the question.
    """
    events = dataset.events
    wanted = (dataset.weight(scenario) > 0) & ~_had_before(dataset, scenario)
    part = np.zeros(len(events), np.int8)
    rows = np.flatnonzero(wanted)
    user = events.user[rows]
    count = np.bincount(user, minlength=len(dataset.users))
    from_last = np.searchsorted(user, user, side="right") - 1 - np.arange(len(rows))
    enough = count[user] >= shortest
    part[rows[enough & (from_last == 0)]] = 2
    part[rows[enough & (from_last == 1)]] = 1
    return Split(part, "last-out")


def given(part: npt.NDArray[np.int8]) -> Split:
    """The split that a data set came with."""
    return Split(part, "given")


def _had_before(dataset: Dataset, scenario: int) -> Bools:
    """Whether the visitor had wanted the same item in this scenario before. [events]"""
    events = dataset.events
    weight = dataset.weight(scenario) > 0
    flat = replace(events, kind=np.zeros_like(events.kind), scenario=weight.astype(np.int32))
    return repeated(flat) & weight


def queries(dataset: Dataset, scenario: int, split: Split, part: int, *, in_session: bool = False) -> Queries:
    """The questions of one part for one scenario.

    Under "time" one question a visitor at the moment the part begins, all he wanted in it is right; with `in_session`
    instead just before the last thing he wanted in it (a basket page knows what is in the basket). Under the other
    protocols just before the held-out event.
    """
    events = dataset.events
    goal = dataset.goals[scenario]
    weight = dataset.weight(scenario) > 0
    wanted = weight & (split.part == part) & dataset.catalogue[scenario][events.item]
    if not goal.repeats:
        wanted &= ~_had_before(dataset, scenario)
    rows = np.flatnonzero(wanted)
    if split.protocol == "time" and not in_session:
        return _before_part(dataset, scenario, split, part, rows, weight)
    if split.protocol == "given":
        return _before_part(dataset, scenario, split, part, rows, weight)
    if len(rows):
        user = events.user[rows]
        rows = rows[np.append(user[1:] != user[:-1], True)]  # the last of each visitor
    return _just_before(dataset, scenario, rows, weight)


def _before_part(dataset: Dataset, scenario: int, split: Split, part: int, rows: Longs, weight: Bools) -> Queries:
    events = dataset.events
    users = np.unique(events.user[rows]).astype(np.int64)
    bounds = events.indptr(len(dataset.users))
    later = np.concatenate([[0], np.cumsum(split.part >= part)])
    begin = bounds[users]
    end = bounds[users + 1] - (later[bounds[users + 1]] - later[begin])
    moment = split.test_from if part == 2 else split.validation_from
    now = np.full(len(users), moment, np.int64)
    at = np.full(len(dataset.users), -1, np.int64)
    at[users] = np.arange(len(users))
    relevant = _ones(at[events.user[rows]], events.item[rows], len(users), len(dataset.items))
    return Queries(scenario, users, begin, end, now, relevant, _seen(dataset, scenario, begin, end, weight))


def _just_before(dataset: Dataset, scenario: int, rows: Longs, weight: Bools) -> Queries:
    events = dataset.events
    users = events.user[rows].astype(np.int64)
    begin, end = events.indptr(len(dataset.users))[users], rows.astype(np.int64)
    relevant = _ones(np.arange(len(rows)), events.item[rows], len(rows), len(dataset.items))
    return Queries(
        scenario, users, begin, end, events.time[rows], relevant, _seen(dataset, scenario, begin, end, weight)
    )


def _seen(dataset: Dataset, scenario: int, begin: Longs, end: Longs, weight: Bools) -> sparse.csr_matrix:
    """What must not be shown again: what the visitor refused, and had, where the scenario wants nothing twice."""
    out = refusals(dataset) > 0
    if not dataset.goals[scenario].repeats:
        out |= weight
    query, row = expand(begin, end)
    good = out[row]
    return _ones(query[good], dataset.events.item[row[good]], len(begin), len(dataset.items))


def _ones(
    rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer], height: int, width: int
) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(height, width))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def encode(
    encoder: QueryEncoder, vectors: npt.NDArray[np.float32], events: Events, asked: Queries
) -> npt.NDArray[np.float32]:
    """The query vectors, by the very code that serves; those with as many events at once. [queries, dim]"""
    out = np.zeros((len(asked), encoder.dim), np.float32)
    size = np.minimum(asked.end - asked.begin, encoder.length)
    for events_each in np.unique(size):
        alike = np.flatnonzero(size == events_each)
        for first in range(0, len(alike), AT_ONCE):
            some = alike[first : first + AT_ONCE]
            rows = asked.end[some, None] - 1 - np.arange(events_each)
            time, now = events.time[rows], asked.now[some, None]
            ages = np.where((time > 0) & (now > 0), now - time, -1)
            here = events.scenario[rows] == asked.scenario
            visitor = None if encoder.visitors is None else encoder.visitors[asked.user[some]]
            out[some] = encoder.encode(vectors[events.item[rows]], events.kind[rows], ages, here, visitor)
    return out


def histories(
    events: Events, asked: Queries, items: int, blend: Blend, kinds: list[str], *, longest: int = 50
) -> sparse.csr_matrix:
    """What each history counts in `inference.blend.combine`, summed by item. [queries, items]"""
    query, row = expand(np.maximum(asked.begin, asked.end - longest), asked.end)
    rank = asked.end[query] - 1 - row
    by_kind = np.array([blend.kind_weight(kind) for kind in kinds], np.float32)
    weight = (np.float32(blend.decay) ** rank) * by_kind[events.kind[row]]
    weight = weight * np.where(events.scenario[row] == asked.scenario, np.float32(blend.here), np.float32(1))
    if blend.visit != 1:
        visit = visits(events)
        weight = weight * np.float32(blend.visit) ** (visit[np.maximum(asked.end - 1, 0)][query] - visit[row])
    return sparse.csr_matrix((weight.astype(np.float32), (query, events.item[row])), shape=(len(asked), items))


def visits(events: Events) -> Longs:
    """Which visit each event belongs to, numbered through; where times are not known nothing divides them. [events]"""
    begins = np.ones(len(events), bool)
    known = (events.time[1:] > 0) & (events.time[:-1] > 0)
    pause = known & (events.time[1:] - events.time[:-1] > VISIT_SECONDS)
    begins[1:] = (events.user[1:] != events.user[:-1]) | pause
    return np.cumsum(begins) - 1


def relevant_count(asked: Queries) -> Longs:
    """How many right answers each question has. [queries]"""
    return np.asarray(asked.relevant.sum(axis=1)).ravel().astype(np.int64)
