from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtrec_django.dataset import Events
from mtrec_django.learning.cleaning import DAY, clean

from .worlds import START, tastes


def test_good_data_stay_as_they_are() -> None:
    world = tastes(users=20)
    cleaned = clean(world)
    assert cleaned.dataset is world
    assert not any(cleaned.removed.values())


def test_each_cause_is_counted_once() -> None:
    world = tastes(users=20)
    events = replace(
        world.events, item=world.events.item.copy(), value=world.events.value.copy(), time=world.events.time.copy()
    )
    events.item[3] = 10_000
    events.value[5] = np.inf
    events.time[0] = 1000
    again = _joined(events, events[slice(20, 22)])
    cleaned = clean(world.with_events(again), now=START + 200 * DAY)
    assert cleaned.removed == {
        "out of range": 1,
        "impossible value": 1,
        "impossible time": 1,
        "duplicate": 2,
        "machine": 0,
    }
    assert len(cleaned.dataset.events) == len(again) - 5
    assert cleaned.kept.sum() == len(again) - 5


def test_events_of_tomorrow_are_impossible_once_now_is_known() -> None:
    world = tastes(users=20)
    assert clean(world, now=START).removed["impossible time"] > 0


def test_a_machine_goes_and_a_wholesale_order_stays() -> None:
    world = tastes(users=20)
    rng = np.random.default_rng(0)
    machine = _of(world.events, user=0, item=rng.integers(0, 72, 3000), time=START + np.arange(3000))
    order = _of(world.events, user=1, item=np.arange(72).repeat(30), time=np.full(2160, START + 5))
    cleaned = clean(world.with_events(_joined(world.events, machine, order)))
    assert cleaned.removed["machine"] > 2500
    assert not (cleaned.dataset.events.user == 0).any()
    assert (cleaned.dataset.events.user == 1).sum() >= 72


def _of(like: Events, *, user: int, item: np.ndarray, time: np.ndarray) -> Events:
    size = len(item)
    zeros = np.zeros(size, np.int32)
    nothing = np.full(size, np.nan, np.float32)
    return Events(np.full(size, user, np.int32), item.astype(np.int32), zeros, zeros, nothing, time.astype(np.int64))


def _joined(*parts: Events) -> Events:
    names = ("user", "item", "kind", "scenario", "value", "time")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.lexsort((columns["time"], columns["user"]))
    return Events(**{name: column[order] for name, column in columns.items()})
