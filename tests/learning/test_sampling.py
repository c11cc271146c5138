from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import NO_SCENARIO, Dataset
from mtrec_django.learning.sampling import (
    Negatives,
    Sampler,
    balance,
    discoveries,
    recent,
    repeated,
    target_weights,
    visits_share,
)

from .worlds import DAY, START, tastes


def sampler(world: Dataset, **options: object) -> Sampler:
    settings: dict = {"length": 5, "batch_tokens": 64, "max_positions": 10**6, "rng": np.random.default_rng(0)}
    return Sampler(world.events, target_weights(world), len(world.users), len(world.goals), **(settings | options))


def test_every_wanted_event_of_a_short_history_is_a_target_once_an_epoch() -> None:
    world = tastes(users=30, events=5)
    targets = np.concatenate([batch.target for batch in sampler(world).epoch()])
    assert sorted(targets) == sorted(world.events.item)


def test_a_target_is_never_among_what_its_state_has_seen() -> None:
    world = tastes(users=30, events=12)
    for batch in sampler(world, later=0.5).epoch():
        for row, at, target in zip(batch.row, batch.at, batch.target, strict=True):
            assert target not in batch.items[row, : at + 1]


def test_long_histories_are_cut_elsewhere_in_each_epoch() -> None:
    world = tastes(users=3, events=12)
    made = sampler(world)
    sizes = {tuple(sorted(len(batch) for batch in made.epoch())) for _ in range(8)}
    targets = {int(target) for _ in range(8) for batch in made.epoch() for target in batch.target}
    assert targets == set(world.events.item.tolist())
    assert sizes


def test_an_epoch_holds_no_more_targets_than_asked_for() -> None:
    world = tastes(users=200)
    assert 70 <= sum(len(batch) for batch in sampler(world, max_positions=100).epoch()) < 130


def test_of_data_too_large_for_an_epoch_other_visitors_are_met_in_each() -> None:
    world = tastes(users=200, events=5)
    made = sampler(world, max_positions=20)
    epochs = [{int(item) for batch in made.epoch() for item in batch.target} for _ in range(40)]
    sizes = [sum(len(batch) for batch in made.epoch()) for _ in range(5)]
    assert max(sizes) < 30
    assert set().union(*epochs) == set(world.events.item.tolist())
    for batch in made.epoch():
        for row, at, target in zip(batch.row, batch.at, batch.target, strict=True):
            assert at < 0 or batch.items[row, at] % 6 == target % 6


def test_a_giant_is_damped_and_the_mean_stays() -> None:
    scenario = np.array([0] * 1000 + [1] * 10 + [NO_SCENARIO] * 10, np.int32)
    weight = balance(scenario, np.ones(1020, np.float32), 2)
    assert weight[1005] / weight[0] == pytest.approx(100**0.25, rel=1e-4)
    assert weight.mean() == pytest.approx(1, rel=1e-4)


def test_repeats_are_known_by_visitor_item_kind_and_place() -> None:
    world = tastes(users=1, events=4)
    item = np.array([1, 1, 2, 1], np.int32)
    kind = np.array([0, 0, 0, 1], np.int32)
    events = replace(world.events, item=item, kind=kind)
    assert repeated(events).tolist() == [False, True, False, False]


def test_a_view_that_led_to_a_purchase_teaches_as_a_purchase() -> None:
    world = tastes(users=1, events=4, second=True)
    events = replace(
        world.events,
        item=np.array([1, 2, 1, 2], np.int32),
        kind=np.array([0, 0, 1, 0], np.int32),
        scenario=np.array([0, 0, 1, 0], np.int32),
    )
    weight, place = discoveries(world.with_events(events))
    np.testing.assert_allclose(weight, [1.0, 0.2, 0, 0])
    assert place.tolist()[:2] == [1, 0]


def test_recent_targets_count_more() -> None:
    world = tastes(users=1, events=3)
    events = replace(world.events, time=START + np.array([0, 10, 20]) * DAY)
    weight = recent(events, np.ones(3, np.float32), 10 * DAY)
    np.testing.assert_allclose(weight / weight[2], [0.25, 0.5, 1])
    assert weight.mean() == pytest.approx(1)
    assert recent(events, np.ones(3, np.float32), 0).tolist() == [1, 1, 1]


def test_orders_are_told_from_clicks() -> None:
    world = tastes(users=2, events=4)
    assert visits_share(world.events) == 0
    assert visits_share(replace(world.events, time=np.full(8, START))) > 0.8


def test_candidates_hold_the_batch_and_know_their_chance() -> None:
    world = tastes(users=30)
    batch = next(iter(sampler(world).epoch()))
    counts = np.bincount(world.events.item, minlength=72)
    items, chance = Negatives(counts, 20, 0).candidates(batch, np.random.default_rng(0))
    assert set(batch.target) <= set(items)
    assert (np.diff(items) > 0).all()
    assert (chance <= 0).all()
    every, nothing = Negatives(counts, 20, 100).candidates(batch, np.random.default_rng(0))
    assert len(every) == 72
    assert not nothing.any()


def test_an_order_without_times_is_not_learned_but_first_meetings_stay_first() -> None:
    world = tastes(users=40, events=6)
    timeless = world.with_events(replace(world.events, time=np.zeros_like(world.events.time)))
    made = sampler(timeless, length=10)
    orders = [{int(user): made_items for user, made_items in _histories(made)} for _ in range(2)]
    assert orders[0] != orders[1]
    twice = timeless.with_events(timeless.events[np.repeat(np.arange(len(timeless.events)), 2)])
    events, _weight, _place = sampler(twice)._shuffled_ties(slice(None))
    assert (events.item[::2] == events.item[1::2]).all()


def _histories(made: Sampler) -> list[tuple[int, list[int]]]:
    events, _weight, _place = made._shuffled_ties(slice(None))
    return [(user, events.item[events.user == user].tolist()) for user in np.unique(events.user)]
