"""What is known of a visitor reaches his list, in no query more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from mtrec_django import recommend
from mtrec_django.conf import DIM
from mtrec_django.dataset import Dataset, Events, Goal, Items, Users
from mtrec_django.events.relations import set_relation
from mtrec_django.inference.artifact import Artifact
from mtrec_django.learning.profiles import friends_of
from mtrec_django.models import Feedback, Relation, Visitor
from mtrec_django.retrieval.statement import read
from mtrec_django.serving import profile
from mtrec_django.serving.query import known
from mtrec_django.serving.recommender import recommend_for

from . import world as of
from .world import World


def told(**arrays: np.ndarray) -> bytes:
    """The world's artifact with a table: who is of the club wants topic 5, and friends count as they are."""
    made = of.artifact(world=of.ALONE)
    config = made.config | {"profile": {"labels": {"club": {"chess": 0}}, "edges": {}, "first": {}}}
    more = {f"query.{name}": array for name, array in arrays.items()}
    return Artifact("base", config, made.arrays | more).to_bytes()


CLUB = {"user": 10 * of.direction(5)[None]}
TIES = {"friends": 10 * np.eye(DIM, dtype=np.float32)}


def met(world: World, visitor: Visitor, *items: tuple[int, int], kind: str = "view") -> None:
    for one in items:
        Feedback.objects.create(visitor=visitor, item=world.item(*one), kind=kind, time=timezone.now())


def test_what_the_site_tells_of_a_visitor_moves_his_list(world: World) -> None:
    world.publish(data=told(**CLUB))
    for club, topic in (("chess", 5), ("go", of.TOPICS - 1), (None, of.TOPICS - 1)):
        visitor = Visitor.objects.create(features={"club": club} if club else {})
        expected = recommend_for(visitor, "world", 5)
        assert (world.topics_of(expected) == [topic] * 5) is (topic == 5)


def test_what_friends_met_moves_a_list(world: World) -> None:
    world.publish(data=told(**TIES))
    visitor, friend = Visitor.objects.create(), Visitor.objects.create()
    met(world, friend, (2, 0), (2, 1))
    assert world.topics_of(recommend_for(visitor, "world", 5)) != [2] * 5
    set_relation(visitor, friend)
    assert world.topics_of(recommend_for(visitor, "world", 5)) == [2] * 5


@pytest.mark.parametrize("arrays", [{}, CLUB | TIES])
def test_it_takes_no_query_more(world: World, arrays: dict, django_assert_num_queries: Any) -> None:
    world.publish(data=told(**arrays))
    visitor, friend = world.visitor((3, 0), features={"club": "chess"}), world.visitor((2, 0))
    set_relation(visitor, friend)
    recommend_for(visitor, "world", 5)
    with django_assert_num_queries(3):
        assert len(recommend_for(visitor, "world", 5)) == 5


def test_a_guest_nobody_knows_gets_a_list(world: World) -> None:
    world.publish(data=told(**CLUB, **TIES))
    assert len(recommend(None, "world", 5)) == 5
    assert len(recommend_for(Visitor(pk=-1), "world", 5)) == 5


def test_friends_are_read_as_they_were_learned(world: World) -> None:
    """The worker's sums over arrays and the statement in the web process give one direction."""
    rng = np.random.default_rng(0)
    visitors = [Visitor.objects.create() for _ in range(5)]
    rows = []
    for at, visitor in enumerate(visitors):
        for minute in range(14):
            item = int(rng.integers(0, len(world.items)))
            kind = ("view", "dislike", "purchase")[minute % 3]
            rows.append((at, item, minute % 3))
            Feedback.objects.create(
                visitor=visitor,
                item=world.items[item],
                kind=kind,
                time=timezone.now() - timedelta(minutes=60 - minute),
            )
    ties = [(0, 1, 2.0), (0, 2, 1.0), (1, 3, 1.0), (2, 0, 0.0), (3, 4, 0.5), (4, 3, 1.0)]
    Relation.objects.bulk_create(
        [Relation(visitor=visitors[one], other=visitors[two], weight=weight) for one, two, weight in ties]
    )
    user, item, kind = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    nothing = np.zeros(len(user), np.float32)
    events = Events(user, item, kind, np.zeros_like(user), nothing, np.arange(len(user), dtype=np.int64))
    columns = [np.array(column) for column in zip(*ties, strict=True)]
    relations = (columns[0].astype(np.int32), columns[1].astype(np.int32), columns[2].astype(np.float32))
    dataset = Dataset(
        Items(np.arange(len(world.items)), np.zeros((len(world.items), 0), np.float32)),
        Users(np.arange(5), relations=relations),
        events,
        ["view", "dislike", "purchase"],
        [Goal("world")],
        np.ones((1, len(world.items)), bool),
    )
    learned = friends_of(dataset, events, world.vectors)
    encoder = of_ties(world)
    for at, visitor in enumerate(visitors):
        asked = profile.statements(known(visitor), encoder, world.version.pk)
        served = profile.about(encoder, dict(zip(asked, read([*asked.values()], using="default"), strict=True)))
        np.testing.assert_allclose(served, 10 * learned[at], atol=10 * 2e-3)


def of_ties(world: World) -> Any:
    from mtrec_django.inference.query import QueryEncoder

    return QueryEncoder.from_artifacts(Artifact.from_bytes(told(**TIES)))
