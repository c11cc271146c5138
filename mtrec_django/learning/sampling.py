"""Which events a training step sees: windows of histories in batches of like length, and shared negatives.

Arrays only: an event costs a few bytes and no object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..dataset import NO_SCENARIO, Bools, Dataset, Events, Floats, Ints, Longs, Shown
from ..inference.blend import VISIT_SECONDS
from ..inference.query import age_bucket
from .distributed import world
from .unanswered import WEIGHT, Placed, met_by_then

_Further = tuple[Longs, Longs, Longs, Longs, Longs]  # row, at, target, scenario and user of more targets, as in a batch


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded histories and their targets; position t of a row is the state after event t - 1, 0 that of no event."""

    items: Longs  # [rows, events]
    kinds: Longs  # [rows, events]
    ages: Longs | None  # [rows, t, j], bucket; None where no time is known
    here: Bools  # [rows, t, j]
    row: Longs  # [targets], where each target's state is
    at: Longs  # [targets], -1 is the state of no event
    target: Longs  # [targets], item
    scenario: Longs  # [targets], position in goals, the last + 1 for none
    user: Longs  # [targets]
    weight: Floats  # [targets], below 0 for what is to be pushed away

    def __len__(self) -> int:
        return len(self.target)

    def plus(self, row: Longs, at: Longs, target: Longs, scenario: Longs, user: Longs) -> Batch:
        """The same with further targets, which are to be pushed away. [targets] each"""
        return replace(
            self,
            row=np.concatenate([self.row, row]),
            at=np.concatenate([self.at, at]),
            target=np.concatenate([self.target, target]),
            scenario=np.concatenate([self.scenario, scenario]),
            user=np.concatenate([self.user, user]),
            weight=np.concatenate([self.weight, np.full(len(row), -WEIGHT, np.float32)]),
        )


def target_weights(dataset: Dataset) -> Floats:
    """How much each event counts as a target of the base: the most that any scenario says, 0 for mere repeats. [events]

    A scenario's largest weight counts 1, so that the units of its goal do not matter; kinds that no goal names, but
    that do not say no, count a little, since they too show what is liked.
    """
    events = dataset.events
    weights = np.zeros(len(events), np.float32)
    for position, goal in enumerate(dataset.goals):
        largest = max(goal.weights.values(), default=0.0)
        if largest > 0:
            counted = np.maximum(dataset.weight(position), 0) / np.float32(largest)
            if not goal.repeats:
                counted[repeated(events)] = 0
            np.maximum(weights, counted, out=weights)
    return weights


def discoveries(dataset: Dataset) -> tuple[Floats, Ints]:
    """What each event counts as a target, and for which scenario, when only first meetings are targets. [events] twice

    The visitor's first event with an item counts what his best with it does, for the scenario of that best one: a view
    that led to a purchase teaches as a purchase. Later ones would only teach to repeat the history; they count where
    their scenario wants repeats.
    """
    events, weight = dataset.events, target_weights(dataset)
    wants = np.array([*(bool(goal.repeats) for goal in dataset.goals), False])
    again = wants[np.where(events.scenario >= 0, events.scenario, len(dataset.goals))]
    if wants.any():
        again |= (events.scenario < 0) & np.any(wants)
    pair = events.user.astype(np.int64) * max(len(dataset.items), 1) + events.item
    _, first, at = np.unique(pair, return_index=True, return_inverse=True)
    strongest = np.lexsort((weight, at))
    strongest = strongest[np.append(at[strongest][1:] != at[strongest][:-1], True)] if len(at) else strongest
    out, scenario = np.where(again, weight, 0).astype(np.float32), events.scenario.copy()
    best = weight[strongest]
    raised = out[first] < best
    out[first[raised]] = best[raised]
    scenario[first[raised]] = events.scenario[strongest[raised]]
    return out, scenario


def repeated(events: Events) -> Bools:
    """Whether the visitor had the same item by the same kind in the same scenario before. [events]"""
    order = np.lexsort((np.arange(len(events)), events.scenario, events.kind, events.item, events.user))
    same = np.ones(max(len(order) - 1, 0), bool)
    for column in (events.user, events.item, events.kind, events.scenario):
        same &= column[order][1:] == column[order][:-1]
    out = np.zeros(len(events), bool)
    out[order[1:]] = same
    return out


def balance(scenario: Ints, weight: Floats, scenarios: int) -> Floats:
    """Damp giants: targets of a scenario with n of them in all weigh n ** -0.25 of what they did, on average 1."""
    place = np.maximum(scenario, NO_SCENARIO) + 1
    totals = np.bincount(place, weight, minlength=scenarios + 1)
    factor = np.where(totals > 0, np.maximum(totals, 1), 1) ** -0.25
    balanced = weight * factor[place].astype(np.float32)
    mean = balanced.sum() / max(weight.sum(), 1e-9)
    return (balanced / max(mean, 1e-9)).astype(np.float32)


LEAST_RECENT = 0.15
"""What an old target still weighs where recent ones count more."""


def recent(events: Events, weight: Floats, half_life: float) -> Floats:
    """Let targets lose half their weight in each half-life (seconds) before the newest, down to a rest. [events]"""
    if half_life <= 0 or not events.time.any():
        return weight
    age = np.where(events.time > 0, int(events.time.max()) - events.time, 0)
    faded = weight * np.maximum(0.5 ** (age / half_life), LEAST_RECENT).astype(np.float32)
    mean = faded.sum() / max(weight.sum(), 1e-9)
    return (faded / max(mean, 1e-9)).astype(np.float32)


REPLAYED = 2
"""Old targets for each new one, where a training goes over what is new only."""


def replayed(events: Events, weight: Floats, after: int, users: int, rng: np.random.Generator) -> Floats:
    """What happened after a moment, and the older targets of visitors drawn at random, lest they be forgotten. [events]

    Args:
        after: unix seconds.
    """
    old, wanted = events.time <= after, weight != 0
    share = REPLAYED * (wanted & ~old).sum() / max(int((wanted & old).sum()), 1)
    kept = rng.random(users) < share
    return np.where(old & ~kept[events.user], np.float32(0), weight).astype(np.float32)


DRAWN = 4
"""Of the targets of one epoch: so many are held by the visitors among whose windows an epoch draws its own."""


class Sampler:
    """Gives the batches of an epoch; other windows, tie orders and targets in each."""

    def __init__(
        self,
        events: Events,
        weight: Floats,
        users: int,
        scenarios: int,
        *,
        length: int,
        batch_tokens: int,
        max_positions: int,
        rng: np.random.Generator,
        later: float = 0.0,
        place: Ints | None = None,
        unanswered: Shown | None = None,
    ) -> None:
        """`weight` 0 keeps an event in histories but never as target, below 0 it is one to be pushed away; `later` is
        the share of rows whose targets come from the next visit, not the next event; `place` is the scenario that each
        counts for as a target, its own one if not given; `unanswered` are further ones to be pushed away, which are no
        events."""
        self.events, self.weight = events, weight
        self.place = events.scenario if place is None else place
        self.users, self.scenarios = users, scenarios
        self.length, self.batch_tokens, self.max_positions = length, batch_tokens, max_positions
        self.rng, self.later = rng, later
        self.drawing = (
            rng if world().size == 1 else rng.spawn(1)[0]
        )  # what one draws for a batch moves no other's windows
        self.timed = bool(len(events)) and bool(events.time.any())
        self.unanswered = Shown.none() if unanswered is None else unanswered
        self.met = met_by_then(self.unanswered, events)

    def epoch(self) -> Iterator[Batch]:
        """Batches in random order."""
        events, weight, place = self._shuffled_ties(self._drawn())
        session, vain = _sessions(events), Placed.among(self.unanswered, self.met, events.indptr(self.users))
        start, size = self._windows(events)
        keep = self._enough(start, size, weight)
        start, size = start[keep], size[keep]
        order = np.argsort(size + self.rng.random(len(size)), kind="stable")
        here = world()
        for rows in here.share(self._groups(order, size)):
            batch = self._batch(events, weight, place, session, vain, start[rows], size[rows])
            if len(batch) or here.size > 1:  # several processes take their steps together
                yield batch

    def batches(self) -> int:
        """About how many batches an epoch has for each process."""
        tokens = self.batch_tokens * world().size
        return max(1, int(min(len(self.events), self.max_positions * 1.2) / tokens * 1.3))

    def _drawn(self) -> Longs | slice:
        """Where one epoch holds a small part of all targets, the events of enough visitors drawn at random."""
        wanted = np.concatenate([[0], np.cumsum(self.weight != 0)])
        if wanted[-1] <= DRAWN * self.max_positions:
            return slice(None)
        bounds = self.events.indptr(self.users)
        order = self.rng.permutation(self.users)
        total = np.cumsum(wanted[bounds[order + 1]] - wanted[bounds[order]])
        users = np.sort(order[: np.searchsorted(total, DRAWN * self.max_positions) + 1])
        size = bounds[users + 1] - bounds[users]
        return np.repeat(bounds[users] - np.cumsum(size) + size, size) + np.arange(size.sum())

    def _shuffled_ties(self, rows: Longs | slice) -> tuple[Events, Floats, Ints]:
        """Events of one moment, or of none that is known, have no order, so each epoch gives them another.

        Whatever order they were stored in would be learned, and is not there in a live history. Those of one item stay
        together: what is a first meeting remains one.
        """
        events, weight, place = self.events[rows], self.weight[rows], self.place[rows]
        key = self._random(self.users)[events.user] ^ self._random(int(events.item.max(initial=0)) + 1)[events.item]
        order = np.lexsort((mixed_bits(key), events.time, events.user))
        return events[order], weight[order], place[order]

    def _random(self, n: int) -> npt.NDArray[np.uint64]:
        return self.rng.integers(0, 2**63, n).astype(np.uint64)

    def _windows(self, events: Events) -> tuple[Longs, Longs]:
        """Cut each history into windows; the cut moves from epoch to epoch so that contexts of all lengths are met."""
        bounds = events.indptr(self.users)
        counts = np.diff(bounds)
        span = self.length + 1
        offset = np.where(counts > span, self.rng.integers(1, span + 1, len(counts)), counts)
        pieces = 1 + np.maximum(-(-(counts - offset) // self.length), 0)
        user = np.repeat(np.arange(self.users), pieces)
        piece = np.arange(len(user)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        end = np.minimum(offset[user] + piece * self.length, counts[user])
        begin = np.maximum(np.where(piece > 0, offset[user] + (piece - 1) * self.length - 1, 0), 0)
        good = end > begin
        return (bounds[user] + begin)[good], (end - begin)[good]

    def _enough(self, start: Longs, size: Longs, weight: Floats) -> Longs:
        """As many random windows as hold `max_positions` targets."""
        total = np.concatenate([[0], np.cumsum(weight != 0)])
        targets = total[start + size] - total[start]
        order = self.rng.permutation(np.flatnonzero(targets > 0))
        enough = np.searchsorted(np.cumsum(targets[order]), self.max_positions) + 1
        return order[:enough]

    def _groups(self, order: Longs, size: Longs) -> list[Longs]:
        """Neighbours in length share a batch of about `batch_tokens`."""
        groups: list[Longs] = []
        first = 0
        while first < len(order):
            longest = size[order[min(first + self.batch_tokens // max(size[order[first]], 1), len(order) - 1)]]
            rows = max(1, self.batch_tokens // max(int(longest), 1))
            groups.append(order[first : first + rows])
            first += rows
        return [groups[at] for at in self.rng.permutation(len(groups))]

    def _batch(
        self,
        events: Events,
        weight: Floats,
        place: Ints,
        session: Longs,
        vain: Placed,
        start: Longs,
        size: Longs,
    ) -> Batch:
        events_wide = int(size.max())
        at = start[:, None] + np.arange(events_wide)
        inside = np.arange(events_wide) < size[:, None]
        at = np.where(inside, at, start[:, None])
        goal = self._targets(at, inside, session, start, size)
        first = (start == 0) | (events.user[start] != events.user[start - 1])
        wanted = inside & (weight[goal] != 0)
        wanted[:, 0] &= first  # the state before the first event of a window is known only at the very beginning
        row, column = np.nonzero(wanted)
        chosen = goal[row, column]
        scenario = np.where(place[goal] < 0, self.scenarios, place[goal])
        pushed = self._pushed(events, vain, start, size)
        inputs, moments, asking = at[:, :-1], goal[:, 1:], scenario[:, 1:]
        if pushed is not None:  # they may ask for the state after the last event, too
            inputs, moments, asking = at, np.hstack([moments, at[:, -1:]]), np.hstack([asking, scenario[:, -1:]])
        batch = Batch(
            items=events.item[inputs].astype(np.int64),
            kinds=events.kind[inputs].astype(np.int64),
            ages=self._ages(events, inputs, moments) if self.timed else None,
            here=asking[:, :, None] == events.scenario[inputs][:, None, :],
            row=row,
            at=column - 1,
            target=events.item[chosen].astype(np.int64),
            scenario=scenario[row, column].astype(np.int64),
            user=events.user[chosen].astype(np.int64),
            weight=weight[chosen],
        )
        return batch if pushed is None else batch.plus(*pushed)

    def _pushed(self, events: Events, vain: Placed, start: Longs, size: Longs) -> _Further | None:
        """Further targets of windows, as `Batch.plus` takes them; that of an event which two windows share, once."""
        end = start + size
        last = np.append(events.user[1:] != events.user[:-1], True)[end - 1]
        row, which = vain.within(start, np.where(last, end, end - 1))
        if not len(row):
            return None
        rows = vain.rows[which]
        scenario = np.where(rows.scenario < 0, self.scenarios, rows.scenario).astype(np.int64)
        item, user = rows.item.astype(np.int64), rows.user.astype(np.int64)
        return row, vain.at[which] - start[row], item, scenario, user

    def _targets(self, at: Longs, inside: Bools, session: Longs, start: Longs, size: Longs) -> Longs:
        """The event that position t shall foretell: the next one, or for some rows any one of the next visit."""
        if self.later <= 0:
            return at
        ahead = self.drawing.random(len(at)) < self.later
        begin = session[at[:, :-1]]  # [rows, events], where the next visit begins
        last = (start + size)[:, None] - 1
        finish = np.minimum(session[np.minimum(begin, len(session) - 1)], last + 1)
        drawn = begin + (self.drawing.random(begin.shape) * np.maximum(finish - begin, 1)).astype(np.int64)
        good = ahead[:, None] & inside[:, 1:] & (begin <= last)
        out = at.copy()
        out[:, 1:] = np.where(good, np.minimum(drawn, last), at[:, 1:])
        return out

    def _ages(self, events: Events, inputs: Longs, moments: Longs) -> Longs:
        then, now = events.time[inputs], events.time[moments]
        ages = now[:, :, None] - then[:, None, :]
        return age_bucket(np.where(then[:, None, :] > 0, ages, -1))


def _sessions(events: Events) -> Longs:
    """For each event where its visitor's next visit begins (the end of his events, if none). [events]"""
    if not len(events):
        return np.empty(0, np.int64)
    new = np.ones(len(events), bool)
    same = events.user[1:] == events.user[:-1]
    new[1:] = ~same | (events.time[1:] - events.time[:-1] > VISIT_SECONDS)
    begins = np.flatnonzero(new)
    following = np.append(begins[1:], len(events))
    return following[np.cumsum(new) - 1].astype(np.int64)


def visits_share(events: Events) -> float:
    """The share of events that share their very second with another of the same visitor: orders, not clicks."""
    if len(events) < 2 or not events.time.any():
        return 0.0
    tied = (events.user[1:] == events.user[:-1]) & (events.time[1:] == events.time[:-1]) & (events.time[1:] > 0)
    return float(np.mean(tied))


def mixed_bits(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scatter numbers over all of 64 bits, one to one (SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class Negatives:
    """Shared candidates of a batch: its own items and uniform others, with the log of their chance to be there.

    Bengio & Senécal 2008; the correction is that of Yi et al. 2019 for in-batch sampling.
    """

    def __init__(self, item_counts: npt.NDArray[np.integer], settings_negatives: int, full_below: int) -> None:
        self.items = len(item_counts)
        self.share = np.asarray(item_counts, np.float64) / max(int(np.sum(item_counts)), 1)
        self.negatives = settings_negatives
        self.full = self.items <= full_below

    def candidates(self, batch: Batch, rng: np.random.Generator) -> tuple[Longs, Floats]:
        """Distinct items, sorted, and the log chance of each to be among them. [candidates] twice"""
        if self.full:
            return np.arange(self.items), np.zeros(self.items, np.float32)
        uniform = rng.integers(0, self.items, self.negatives)
        items = np.unique(np.concatenate([batch.items.ravel(), batch.target, uniform]))
        drawn = self.share[items] * (batch.items.size + len(batch)) + self.negatives / self.items
        return items, np.log(-np.expm1(-drawn)).astype(np.float32)
