"""The right answers of a world that is known."""

from __future__ import annotations

from mtrec_django import recommend
from mtrec_django.serving.recommender import recommend_for

from .world import World


def test_recommends_the_topic_that_was_met_last(world: World) -> None:
    visitor = world.visitor((3, 0), (3, 1))
    answer = recommend_for(visitor, "world", 5)
    assert world.topics_of(answer) == [3] * 5
    assert [one.recommendation.position for one in answer] == [0, 1, 2, 3, 4]
    assert {one.recommendation.reason for one in answer} <= {
        "Because you viewed Product 3.0",
        "Because you viewed Product 3.1",
    }
