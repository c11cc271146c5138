"""What events say: nothing, yes or no, and whether a scenario wants things again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import Dataset, Events, Goal, Items, Users
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.hearing import against, hear, refusals, repeat_share
from mtrec_django.learning.pretrain import fit
from mtrec_django.learning.queries import last_out, queries
from mtrec_django.learning.transfer import transfer

from .worlds import DAY, QUICK, START, WORDS, tastes

KINDS = ["view", "rating", "dislike", "impression"]


def world(
    rows: list[tuple[int, int, str, float, int]], *, goal: dict[str, float] | None = None, repeats: bool | None = None
) -> Dataset:
    """Rows of (user, item, kind, value, day)."""
    user, item, kind, value, day = zip(*rows, strict=True)
    events = Events(
        np.array(user, np.int32),
        np.array(item, np.int32),
        np.array([KINDS.index(one) for one in kind], np.int32),
        np.zeros(len(rows), np.int32),
        np.array(value, np.float32),
        START + DAY * np.array(day, np.int64),
    )
    goals = [Goal("home", goal or {"view": 1.0, "rating": 2.0}, repeats=repeats)]
    items = Items(np.arange(9), np.zeros((9, 0), np.float32))
    return Dataset(items, Users(np.arange(5)), events, KINDS, goals, np.ones((1, 9), bool))


NAN = float("nan")


def test_an_impression_is_no_event() -> None:
    heard = hear(world([(0, 1, "impression", NAN, 1), (0, 2, "view", NAN, 2), (0, 2, "impression", NAN, 3)]))
    assert heard.kept.tolist() == [False, True, False]
    assert heard.dataset.events.item.tolist() == [2]


@pytest.mark.parametrize(
    ("values", "low"),
    [
        ([1, 2, 3, 4, 5], [1, 2]),
        ([1, 3, 4, 7, 10], [1, 3]),
        ([0, 1, 1, 1, 0], [0, 0]),
        ([5, 5, 5, 5, 5], []),
        ([NAN] * 5, []),
    ],
)
def test_low_is_the_bottom_of_whatever_scale_is_used(values: list[float], low: list[float]) -> None:
    heard = hear(world([(0, row, "rating", value, row) for row, value in enumerate(values)]))
    events = heard.dataset.events
    kinds = [heard.dataset.kinds[kind] for kind in events.kind]
    assert [value for value, kind in zip(events.value, kinds, strict=True) if kind == "rating:low"] == low


def test_who_names_the_low_ones_in_a_goal_has_them_count() -> None:
    rows = [(0, row, "rating", float(row + 1), row) for row in range(5)]
    assert against(hear(world(rows)).dataset) == ["dislike", "rating:low"]
    counted = hear(world(rows, goal={"rating": 1.0, "rating:low": 1.0})).dataset
    assert against(counted) == ["dislike"]
    assert counted.weight(0).tolist() == [1.0] * 5


def test_a_no_weighs_as_its_goal_says_and_as_the_best_yes_if_it_says_nothing() -> None:
    rows = [(0, 1, "view", NAN, 1), (0, 2, "dislike", NAN, 2)]
    assert refusals(world(rows)).tolist() == [0.0, 1.0]
    assert refusals(world(rows, goal={"view": 4.0, "dislike": -1.0})).tolist() == [0.0, 0.25]
    assert refusals(world(rows, goal={"view": 1.0, "dislike": 1.0})).tolist() == [0.0, 0.0]


def test_what_was_refused_is_not_to_be_shown_whatever_the_scenario_wants() -> None:
    rows = [(0, item, kind, NAN, day) for day, (item, kind) in enumerate([(1, "view"), (2, "dislike"), (3, "view")])]
    rows += [(0, 4, "view", NAN, 4)]
    for repeats, seen in ((True, [2]), (False, [1, 2, 3])):
        data = world(rows, repeats=repeats)
        asked = queries(data, 0, last_out(data, 0), 2)
        assert asked.seen.toarray().nonzero()[1].tolist() == seen
        assert asked.relevant.toarray().nonzero()[1].tolist() == [4]


def test_repeats_are_measured_across_visits() -> None:
    grocery = world([(0, 1, "view", NAN, 1), (0, 2, "view", NAN, 1), (0, 1, "view", NAN, 9), (0, 3, "view", NAN, 9)])
    assert repeat_share(grocery, 0) == 0.5
    assert hear(grocery).dataset.goals[0].repeats is True
    twice_in_a_visit = world([(0, 1, "view", NAN, 1), (0, 1, "view", NAN, 1), (0, 2, "view", NAN, 9)])
    assert repeat_share(twice_in_a_visit, 0) == 0.0
    assert hear(twice_in_a_visit).dataset.goals[0].repeats is False


def test_what_the_site_says_of_repeats_stands() -> None:
    rows = [(0, 1, "view", NAN, 1), (0, 1, "view", NAN, 9)]
    assert hear(world(rows, repeats=False)).dataset.goals[0].repeats is False
    assert hear(world(rows[:1], repeats=True)).dataset.goals[0].repeats is True


@pytest.fixture(scope="module")
def picky() -> Trained:
    """Visitors of a taste say no to an item of the next taste after each of their own."""
    return fit(_picky(), settings=QUICK)


def _picky() -> Dataset:
    world = tastes(users=120, events=14)
    events = world.events
    nos = np.arange(len(events)) % 2 == 1
    rng = np.random.default_rng(0)
    other = (events.item + 1) % len(WORDS) + len(WORDS) * rng.integers(0, 12, len(events))
    item = np.where(nos, other, events.item).astype(np.int32)
    goals = [Goal("home", {"view": 1.0})]
    log = replace(events, item=item, kind=nos.astype(np.int32))
    return replace(world, events=log, kinds=["view", "dislike"], goals=goals)


def test_a_no_leads_away_from_its_like(picky: Trained) -> None:
    encoder, taste = picky.encoder(), 3
    alike = picky.vectors[taste :: len(WORDS)]
    vectors, ages, here = picky.vectors[[taste]], np.array([60]), np.ones(1, bool)
    yes, no = (alike @ encoder.encode(vectors, encoder.kind_codes([kind]), ages, here) for kind in ("view", "dislike"))
    assert no.mean() < 0 < 0.3 < yes.mean()


def test_what_serving_must_know_is_in_the_artifact(picky: Trained) -> None:
    config = picky.artifact.config
    assert (config["low"], config["against"]) == ({}, ["dislike"])
    assert [goal["repeats"] for goal in config["goals"]] == [False]


def test_a_transfer_hears_as_its_base_did(picky: Trained) -> None:
    config = picky.artifact.config | {"low": {"rating": 3.5}}
    base = replace(picky, artifact=replace(picky.artifact, config=config))
    child = transfer(base, _picky(), "home", settings=QUICK)
    assert child.report["decision"]["reason"]
    ratings = world([(0, 1, "rating", 3.0, 1)])
    assert hear(ratings, like=config).dataset.kinds[-1] == "rating:low"
    assert hear(ratings).dataset.kinds == KINDS
