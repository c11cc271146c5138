"""What a visitor said no to is never shown to him again, and its like sinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from mtrec_django.inference.artifact import Artifact
from mtrec_django.inference.blend import Blend
from mtrec_django.models import Feedback
from mtrec_django.serving.recommender import recommend_for

from . import world as of
from .world import World

BY_BOTH = Blend({"personal": 1.0, "together": 1.0})


def told(config: dict[str, Any], *, kinds: list[str] | None = None) -> bytes:
    """The world's artifact of a version that found this out."""
    made = of.artifact(world=BY_BOTH)
    kinds = kinds or of.KINDS
    sign = np.array([-1.0 if kind in ("dislike", "rating:low") else 1.0 for kind in [*kinds, ""]], np.float32)
    table = np.zeros((len(kinds) + 1, made.arrays["query.kind"].shape[1]), np.float32)
    arrays = made.arrays | {"query.sign": sign, "query.kind": table}
    return Artifact("base", made.config | {"kinds": kinds} | config, arrays).to_bytes()


@pytest.fixture
def rated(world: World) -> World:
    """Its version heard ratings up to two as a no."""
    config = {"low": {"rating": 2.0}, "against": ["dislike", "rating:low"]}
    world.publish(data=told(config, kinds=[*of.KINDS, "dislike", "rating", "rating:low"]))
    return world


def say(world: World, visitor: Any, met: tuple[int, int], kind: str, value: float | None = None) -> None:
    Feedback.objects.create(visitor=visitor, item=world.item(*met), kind=kind, value=value, time=timezone.now())


@pytest.mark.parametrize(("kind", "value"), [("dislike", None), ("hide", None), ("report", None), ("rating", 2.0)])
def test_a_no_takes_the_item_off_the_list(rated: World, kind: str, value: float | None) -> None:
    visitor = rated.visitor((3, 0), (3, 4))
    say(rated, visitor, (3, 1), kind, value)
    assert rated.product(3, 1) not in recommend_for(visitor, "world", 80)


def test_a_good_rating_takes_nothing_off(rated: World) -> None:
    visitor = rated.visitor((3, 0))
    say(rated, visitor, (3, 1), "rating", 5.0)
    assert rated.product(3, 1) in recommend_for(visitor, "world", 10)


def test_a_no_counts_without_a_version_too(world: World) -> None:
    world.scenario.live_version = None
    world.scenario.save()
    visitor = world.visitor((3, 0))
    say(world, visitor, (3, 1), "dislike")
    answer = recommend_for(visitor, "world", 80)
    assert len(answer) == 79
    assert world.product(3, 1) not in answer


@pytest.mark.parametrize(("kind", "value"), [("dislike", None), ("rating", 1.0)])
def test_the_like_of_what_was_refused_sinks(rated: World, kind: str, value: float | None) -> None:
    visitor = rated.visitor((3, 0))
    say(rated, visitor, (5, 0), kind, value)
    answer = rated.topics_of(recommend_for(visitor, "world", 79))
    assert answer[:9].count(3) == 9
    assert answer[-9:].count(5) == 9


def test_an_older_version_that_never_heard_a_no_is_not_drawn_to_it(world: World) -> None:
    visitor = world.visitor((3, 0))
    before = recommend_for(visitor, "world", 8)
    say(world, visitor, (5, 0), "dislike")
    assert recommend_for(visitor, "world", 8) == before


def test_what_goes_with_a_refused_item_is_lowered(world: World) -> None:
    row = world.row
    world.publish(neighbours={row(5, 0): [row(3, 1)]}, data=told({}, kinds=[*of.KINDS, "dislike"]))
    visitor = world.visitor((3, 0))
    say(world, visitor, (5, 0), "dislike")
    answer = recommend_for(visitor, "world", 79)
    assert answer.index(world.product(3, 1)) > answer.index(world.product(3, 9))
    assert not [one for one in answer if world.product(5, 0).title in str(one.recommendation.reason)]


@pytest.fixture
def measured(world: World) -> Iterator[Any]:
    """Publish a version that measured whether repeats are frequent."""

    def publish(repeats: bool) -> World:
        world.publish(data=told({"goals": [{"name": "world", "repeats": repeats}]}))
        return world

    yield publish


@pytest.mark.parametrize(("repeats", "shown"), [(True, True), (False, False)])
def test_what_was_had_comes_again_where_that_was_measured(measured: Any, repeats: bool, shown: bool) -> None:
    world = measured(repeats)
    answer = recommend_for(world.visitor((3, 0), kind="purchase"), "world", 10)
    assert (world.product(3, 0) in answer) is shown


@pytest.mark.parametrize("option", [True, False])
def test_what_the_scenario_says_of_repeats_stands(measured: Any, option: bool) -> None:
    world = measured(not option)
    world.scenario.options = {"repeats": option}
    world.scenario.save()
    answer = recommend_for(world.visitor((3, 0), kind="purchase"), "world", 10)
    assert (world.product(3, 0) in answer) is option


def test_what_is_excluded_stays_out_whatever_was_measured(measured: Any) -> None:
    world = measured(True)
    world.scenario.exclude = ["purchase"]
    world.scenario.save()
    assert world.product(3, 0) not in recommend_for(world.visitor((3, 0), kind="purchase"), "world", 10)
