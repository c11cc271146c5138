"""What was shown many times in vain is pushed away from those whom it was shown to, and counts for nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import NO_SCENARIO, Dataset, Events, Goal, Items, Shown, Users
from mtrec_django.learning import pretrain
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.hearing import hear
from mtrec_django.learning.pretrain import fit
from mtrec_django.learning.run import Run
from mtrec_django.learning.sampling import Batch
from mtrec_django.learning.settings import silent
from mtrec_django.learning.unanswered import MOST_EACH, TIMES, WEIGHT, both, unanswered

from .worlds import DAY, QUICK, START, WORDS, tastes

HIT = 0
"""An item that everybody takes as the second one, but for the cooks, whose first one is all that is known of them."""
COOKS = 1
SETTINGS = replace(QUICK, batch_tokens=200)


def shown(*told: tuple[int, int, int]) -> Shown:
    """Rows of (user, item, day)."""
    user, item, day = (np.array(column) for column in zip(*told, strict=True))
    places = np.full(len(user), NO_SCENARIO, np.int32)
    return Shown(user.astype(np.int32), item.astype(np.int32), places, START + DAY * day.astype(np.int64))


@pytest.fixture(scope="module")
def world() -> Dataset:
    """Every third cook comes back in the end, for something of his taste."""
    world = tastes(users=360, events=4)
    events, number = world.events, np.arange(4 * 360) % 4
    cook, back = events.user % len(WORDS) == COOKS, events.user // len(WORDS) % 3 == 0
    item = np.where((number == 1) & ~cook, HIT, events.item).astype(np.int32)
    first, last = START + 5 * DAY, START + 95 * DAY - events.user % 2 * 15 * DAY
    time = np.where(cook, np.where(number == 0, first, last), events.time)
    kept = np.where(cook, (number == 0) | (number == 3) & back, (item != HIT) | (number == 1))
    return world.with_events(replace(events, item=item, time=time)[kept])


@pytest.fixture(scope="module")
def in_vain(world: Dataset) -> Shown:
    """The hit, to every cook."""
    return shown(*((user, HIT, 40) for user in range(COOKS, len(world.users), len(WORDS))))


@pytest.fixture(scope="module")
def without_log(world: Dataset) -> Trained:
    return fit(world, settings=SETTINGS)


@pytest.fixture(scope="module")
def with_log(world: Dataset, in_vain: Shown) -> Trained:
    return fit(replace(world, shown=in_vain), settings=SETTINGS)


def place_of_hit(trained: Trained, world: Dataset, taste: int) -> float:
    """Its mean place in the lists of visitors of whom one event is known; 0 is the first."""
    encoder, places = trained.encoder("home"), []
    for user in range(taste, len(world.users), len(WORDS)):
        item = world.events.item[world.events.user == user][0]
        query = encoder.encode(trained.vectors[[item]], np.zeros(1, int), np.array([60]), np.ones(1, bool))
        scores = trained.vectors @ query
        places.append(np.sum(scores > scores[HIT]))
    return float(np.mean(places))


def test_a_hit_sinks_for_those_to_whom_it_was_shown_in_vain(
    world: Dataset, without_log: Trained, with_log: Trained
) -> None:
    assert with_log.report["unanswered"] == {"shown": 60, "pushed away": True}
    assert place_of_hit(with_log, world, COOKS) > place_of_hit(without_log, world, COOKS) + 4
    others = COOKS + 1
    assert place_of_hit(with_log, world, others) <= place_of_hit(without_log, world, others) + 0.5


def test_it_counts_in_no_table_and_no_prior(without_log: Trained, with_log: Trained) -> None:
    np.testing.assert_array_equal(with_log.priors, without_log.priors)
    for baseline in ("popularity", "itemknn"):
        figures = [one.report["metrics"]["home"][baseline] for one in (with_log, without_log)]
        assert figures[0] == figures[1]


def test_what_makes_validation_worse_is_undone(world: Dataset, in_vain: Shown, monkeypatch) -> None:
    run = Run.prepare(replace(world, shown=in_vain), SETTINGS, 0, silent)
    network = run.network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    values = iter([0.5, 0.49, 0.5, 0.5])
    assert not pretrain.heed(run, network, run.dataset, lambda: next(values))
    assert all((tensor == before[name]).all() for name, tensor in network.state_dict().items())
    assert pretrain.heed(run, network, run.dataset, lambda: next(values))
    assert any((tensor != before[name]).any() for name, tensor in network.state_dict().items())


def little(*told: tuple[int, int, int], kind: list[str] | None = None) -> Dataset:
    """Rows of (user, item, day), views unless their kinds are given."""
    user, item, day = (np.array(column) for column in zip(*told, strict=True))
    kinds = ["view", "impression"]
    codes = np.array([kinds.index(one) for one in kind or ["view"] * len(told)], np.int32)
    places = np.full(len(user), NO_SCENARIO, np.int32)
    missing = np.full(len(user), np.nan, np.float32)
    events = Events(user.astype(np.int32), item.astype(np.int32), codes, places, missing, START + DAY * day)
    items = Items(np.arange(60), np.zeros((60, 0), np.float32))
    return Dataset(items, Users(np.arange(3)), events, kinds, [Goal("home", {"view": 1.0})], np.ones((1, 60), bool))


def pairs(rows: Shown) -> list[tuple[int, int]]:
    return sorted(zip(rows.user.tolist(), rows.item.tolist(), strict=True))


def test_what_is_met_at_any_time_until_then_was_answered() -> None:
    data = little((0, 1, 1), (0, 2, 9), (1, 3, 1), (1, 3, 12))
    data = replace(data, shown=shown((0, 1, 5), (0, 2, 5), (0, 4, 5), (1, 3, 5), (1, 4, 20)))
    assert pairs(unanswered(data)) == [(0, 4)]  # what user 1 was shown on day 20 is after all that is known
    early = data.with_events(data.events[data.events.time < START + 8 * DAY])
    assert pairs(unanswered(early)) == []  # nothing is known of day 5 yet
    middle = data.with_events(data.events[np.array([True, False, True, True])])
    assert pairs(unanswered(middle)) == [(0, 2), (0, 4)]  # what is answered later is no answer yet


def test_the_newest_of_a_visitor_count() -> None:
    data = replace(little((0, 59, 50)), shown=shown(*((0, item, item) for item in range(40))))
    assert pairs(unanswered(data)) == [(0, item) for item in range(40 - MOST_EACH, 40)]


def test_impressions_count_once_a_moment_and_stay_no_events() -> None:
    seen = [(0, 7, day) for day in (1, 2, 3, 4, 5, 6)] + [(0, 8, 1)] * TIMES + [(1, 7, day) for day in (1, 2, 3, 4)]
    data = little(*seen, (2, 9, 30), kind=["impression"] * len(seen) + ["view"])
    heard = hear(data).dataset
    assert heard.events.item.tolist() == [9]
    assert pairs(heard.shown) == [(0, 7)]
    assert heard.shown.time.tolist() == [START + TIMES * DAY]


def test_of_two_logs_each_pair_stands_once_and_early() -> None:
    one = both(shown((1, 2, 9), (0, 3, 4)), shown((1, 2, 7)))
    assert pairs(one) == [(0, 3), (1, 2)]
    assert one.time.tolist() == [START + 4 * DAY, START + 7 * DAY]


def pushed(data: Dataset, length: int = 5) -> list[tuple[list[int], int]]:
    """What a state has seen, and the item that is pushed away from it."""
    run = Run.prepare(data, replace(QUICK, length=length), 0, silent)
    return [one for batch in run.sampler(data, seed=0, vain=True).epoch() for one in _pushed(batch)]


def _pushed(batch: Batch) -> list[tuple[list[int], int]]:
    rows = np.flatnonzero(batch.weight == np.float32(-WEIGHT))
    return [(batch.items[batch.row[at], : batch.at[at] + 1].tolist(), int(batch.target[at])) for at in rows]


def test_it_is_a_target_after_what_was_known_by_then_and_in_no_history() -> None:
    data = little((0, 1, 1), (0, 2, 3), (0, 3, 9), (1, 4, 2))
    data = replace(data, shown=shown((0, 50, 4), (0, 51, 9), (0, 52, 0), (1, 53, 8)))
    assert sorted(pushed(data)) == [([1, 2], 50), ([1, 2, 3], 51), ([4], 53)]  # nothing was known of day 0


def test_in_long_histories_it_is_a_target_once_an_epoch() -> None:
    data = little(*((0, item, item) for item in range(1, 40)))
    data = replace(data, shown=shown(*((0, item + 1, item) for item in range(40, 58)), (0, 59, 12), (0, 50, 38)))
    data = replace(data, shown=data.shown[data.shown.item > 40])
    for _ in range(3):
        targets = [(seen[-1], item) for seen, item in pushed(data) if item in (50, 59)]
        assert sorted(targets) == [(12, 59), (38, 50)]
