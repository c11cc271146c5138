from __future__ import annotations

import zlib

import numpy as np

from mtrec_django.dataset import Dataset, Events, Goal, Items, Users
from mtrec_django.inference.blend import Blend, combine
from mtrec_django.learning.queries import given, histories, last_out, queries, time_split


def world(rows: list[tuple[int, int, int, int]], *, goals: list[Goal] | None = None, items: int = 8) -> Dataset:
    """Rows of (user, item, scenario, time), sorted by the caller."""
    columns = [np.array(column, np.int32) for column in zip(*rows, strict=True)]
    user, item, scenario = columns[:3]
    events = Events(
        user, item, np.zeros_like(user), scenario, np.ones(len(user), np.float32), columns[3].astype(np.int64)
    )
    goals = goals or [Goal("home", {"view": 1.0})]
    catalogue = np.ones((len(goals), items), bool)
    return Dataset(
        Items(np.arange(items), np.zeros((items, 0), np.float32)),
        Users(np.arange(3)),
        events,
        ["view"],
        goals,
        catalogue,
    )


def test_last_out_takes_the_last_two_distinct_items() -> None:
    data = world([(0, 1, 0, 10), (0, 2, 0, 20), (0, 1, 0, 30), (0, 3, 0, 40), (1, 1, 0, 10), (1, 2, 0, 20)])
    split = last_out(data, 0)
    assert split.part.tolist() == [0, 1, 0, 2, 0, 0]  # the repeat of item 1 counts once, at its first time
    test = queries(data, 0, split, 2)
    assert test.user.tolist() == [0]
    assert test.relevant.toarray().nonzero()[1].tolist() == [3]
    assert test.seen.toarray().nonzero()[1].tolist() == [1, 2]
    assert (test.begin[0], test.end[0], test.now[0]) == (0, 3, 40)


def test_a_question_knows_other_scenarios_up_to_its_moment() -> None:
    goals = [Goal("food", {"view": 1.0}), Goal("kitchen", {"view": 1.0})]
    rows = [(0, 1, 0, 10), (0, 5, 1, 15), (0, 2, 0, 20), (0, 3, 0, 30), (0, 6, 1, 40)]
    data = world(rows, goals=goals)
    test = queries(data, 0, last_out(data, 0), 2)
    assert (test.begin[0], test.end[0]) == (0, 3)
    assert test.seen.toarray().nonzero()[1].tolist() == [1, 2]


def test_the_time_split_asks_once_a_visitor_for_all_he_wants_anew() -> None:
    rows = [(0, 1, 0, 1000), (0, 2, 0, 1950), (0, 1, 0, 1960), (0, 3, 0, 1970), (1, 4, 0, 1990), (2, 5, 0, 1010)]
    data = world(rows)
    split = time_split(data.events)
    assert split.test_from == int(1990 - 0.15 * 990)
    test = queries(data, 0, split, 2)
    assert test.user.tolist() == [0, 1]
    assert test.relevant.toarray()[0].nonzero()[0].tolist() == [2, 3]  # 1 is a repeat
    assert (test.end - test.begin).tolist() == [1, 0]  # the second visitor is new
    assert test.now.tolist() == [split.test_from] * 2


def test_where_a_site_grows_most_of_what_is_known_is_learned_from() -> None:
    rows = [(0, 1, 0, 1000 + 10 * at) for at in range(20)] + [(1, at % 8, 0, 1900 + at) for at in range(80)]
    events = world(rows).events
    assert np.bincount(time_split(events).part).tolist() == [20, 0, 80]
    assert np.bincount(time_split(events, by_events=True).part).tolist() == [75, 10, 15]


def test_where_a_site_shrinks_the_newest_part_is_no_longer_than_its_share_of_the_time() -> None:
    rows = [(0, at % 8, 0, 1000 + at) for at in range(80)] + [(1, 1, 0, 1200 + 20 * at) for at in range(20)]
    events = world(rows).events
    assert time_split(events, by_events=True).test_from == time_split(events).test_from


def test_a_scenario_that_wants_repeats_asks_for_them_too() -> None:
    rows = [(0, 1, 0, 1000), (0, 2, 0, 1950), (0, 1, 0, 1960), (1, 4, 0, 1990)]
    data = world(rows, goals=[Goal("grocery", {"view": 1.0}, repeats=True)])
    test = queries(data, 0, time_split(data.events), 2)
    assert test.relevant.toarray()[0].nonzero()[0].tolist() == [1, 2]
    assert test.seen.nnz == 0


def test_a_question_in_a_visit_knows_the_visit() -> None:
    rows = [(0, 1, 0, 1000), (0, 2, 0, 1950), (0, 3, 0, 1970), (1, 4, 0, 1990)]
    data = world(rows)
    test = queries(data, 0, time_split(data.events), 2, in_session=True)
    assert test.relevant.toarray()[0].nonzero()[0].tolist() == [3]
    assert (test.end - test.begin).tolist() == [2, 0]


def test_a_given_split_is_asked_at_its_border() -> None:
    data = world([(0, 1, 0, 0), (0, 2, 0, 0), (0, 3, 0, 0), (1, 4, 0, 0)])
    test = queries(data, 0, given(np.array([0, 0, 2, 2], np.int8)), 2)
    assert test.user.tolist() == [0, 1]
    assert (test.end - test.begin).tolist() == [2, 0]


def test_histories_weigh_as_serving_does() -> None:
    data = world([(0, 1, 0, 10), (0, 2, 0, 20), (0, 1, 0, 30), (0, 3, 0, 40)])
    asked = queries(data, 0, last_out(data, 0), 2)
    blend = Blend(decay=0.5, here=2.0)
    table = np.array([[9, 9]] * 8), np.zeros((8, 2), np.float32)
    others = np.tile(np.array([[4, 5]], np.int32), (8, 1))
    strengths = np.arange(16, dtype=np.float32).reshape(8, 2)
    items, scores = combine(
        blend.history_weights(["view"] * 3, np.ones(3, bool)), others[[1, 2, 1]], strengths[[1, 2, 1]]
    )
    matrix = np.zeros((8, 8), np.float32)
    matrix[:, 4], matrix[:, 5] = strengths[:, 0], strengths[:, 1]
    row = histories(data.events, asked, 8, blend, ["view"]).toarray()[0] @ matrix
    np.testing.assert_allclose(row[items], scores, rtol=1e-6)
    assert table[0].shape == (8, 2)


def test_earlier_visits_weigh_as_in_serving() -> None:
    hour = 3600
    times = [10, 10, 2 * hour, 5 * hour, 5 * hour + 60, 5 * hour + 120]
    data = world([(0, item, 0, time) for item, time in enumerate(times)])
    asked = queries(data, 0, last_out(data, 0), 2)
    blend = Blend(decay=0.5, visit=0.1)
    ages = [times[5] - time for time in reversed(times[:5])]
    wanted = blend.history_weights(["view"] * 5, np.ones(5, bool), ages)
    np.testing.assert_allclose(wanted, [1, 0.5, 0.025, 0.00125, 0.000625])
    row = histories(data.events, asked, 8, blend, ["view"]).toarray()[0]
    np.testing.assert_allclose(row[:5], wanted[::-1])


def test_ties_are_broken_by_the_protocols_hash() -> None:
    first, second = sorted(("a", "b"), key=lambda item: zlib.crc32(f"u|{item}".encode()))
    assert zlib.crc32(f"u|{first}".encode()) < zlib.crc32(f"u|{second}".encode())
