"""Counts as a process holds them."""

from __future__ import annotations

import numpy as np

from mtrec_django.retrieval.candidates import Ask
from mtrec_django.retrieval.counts import Counts, read_counts
from mtrec_django.retrieval.filters import Allowed
from tests.serving.world import World


def test_counts_of_a_scenario(world: World) -> None:
    world.score(1, 1, popular=5, trending=1e-300)
    world.score(0, 1, popular=7)
    world.score(2, 2, popular=5, trending=2)
    counts = read_counts(world.scenario.pk)
    asked = np.array([world.item(*row).pk for row in [(7, 7), (2, 2), (0, 1), (0, 0)]])
    popular, trending = counts.of(asked)
    assert popular.tolist() == [0, 5, 7, 0]
    assert trending.tolist() == [0, 2, 0, 0]
    assert counts.most_popular == [world.item(*row).pk for row in [(0, 1), (1, 1), (2, 2)]]
    assert counts.most_trending == [world.item(2, 2).pk]


def test_a_scenario_in_which_nothing_was_met(world: World) -> None:
    counts = read_counts(world.scenario.pk)
    assert len(counts.items) == len(counts.most_popular) == 0
    assert [one.tolist() for one in counts.of(np.array([1, 2]))] == [[0, 0], [0, 0]]


def test_so_many_are_looked_up_that_enough_are_allowed() -> None:
    ranked = list(range(100))
    asked = Ask(1, Allowed(excluded=(0, 2, 999)), 5, share=0.5)
    assert asked.looked_up(ranked, 4) == [1, 3, 4, 5, 6, 7, 8, 9]
    left_out = Ask(1, Allowed(objects={"testsite.product": ["a", "b"]}), 5, counts=Counts(most_popular=ranked))
    assert left_out.looked_up(ranked, 4) == [0, 1, 2, 3, 4, 5]
    assert left_out.is_open
