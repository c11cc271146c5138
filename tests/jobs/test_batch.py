"""Lists of many visitors are the lists that each would get alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mtrec_django.catalog.sync import sync_objects
from mtrec_django.exceptions import BadRule, NotRegistered
from mtrec_django.inference.blend import Blend
from mtrec_django.jobs.batch import recommend_batch
from mtrec_django.jobs.crowd import best
from mtrec_django.models import Feedback, Item, Pin, Relation, Visitor
from mtrec_django.serving import live
from mtrec_django.serving.recommender import recommend_for
from tests.serving.world import World, artifact, direction
from tests.site.models import Product


@pytest.fixture
def crowd(world: World) -> list[Visitor]:
    """Visitors of all kinds: of one topic, of several, with purchases, with nothing."""
    world.blend = Blend({"personal": 1.0, "together": 0.5, "popular": 0.3}, decay=0.8, kinds={"purchase": 2.0})
    world.publish(
        neighbours={
            world.row(topic, rank): [world.row((topic + 3) % 8, rank), world.row((topic + 5) % 8, 9 - rank)]
            for topic in range(8)
            for rank in range(0, 10, 2)
        }
    )
    for topic in range(8):
        world.score(topic, topic, popular=topic + 1.5)
    world.scenario.exclude = ["purchase"]
    world.scenario.save()
    visitors = [world.visitor((topic, 0), ((topic + 2) % 8, 4), (topic, 2)) for topic in range(6)]
    visitors += [world.visitor(*[(2, rank) for rank in range(4)], kind="purchase"), world.visitor()]
    late = Item.objects.create(source="testsite.product", object_id="late", title="Late")
    Feedback.objects.create(visitor=visitors[0], item=late, kind="view")  # of which the version knows nothing
    return visitors


def told(answer: Any) -> list[tuple[Any, ...]]:
    return [
        (one.item, str(one.obj.pk), one.source, str(one.reason), one.because, pytest.approx(one.score, abs=2e-3))
        for one in answer.recommendations
    ]


def same(crowd: list[Visitor], n: int = 6, **asked: Any) -> None:
    """As each alone."""
    made = list(recommend_batch("world", n=n, **asked))
    assert [one.visitor for one in made] == sorted(visitor.pk for visitor in crowd)
    for one in made:
        visitor = Visitor.objects.get(pk=one.visitor)
        alone = recommend_for(visitor, "world", n, **asked)
        listed = [(i.item, i.object_id, i.source, str(i.reason), i.because, i.score) for i in one.items]
        assert listed == told(alone)
        assert (one.version, one.arm, one.user) == (alone.version, alone.arm, visitor.user_id)


def test_as_each_alone(crowd: list[Visitor]) -> None:
    same(crowd)
    same(crowd, n=40, chunk=3)


def test_made_together(crowd: list[Visitor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtrec_django.jobs.batch.recommend_for", None)
    counts = []
    for visitors in (Visitor.objects.filter(pk=crowd[0].pk), Visitor.objects.all()):
        list(recommend_batch("world", visitors, n=6))
        with CaptureQueriesContext(connection) as queries:
            assert len(list(recommend_batch("world", visitors, n=6))) == len(visitors)
        counts.append(len(queries))
    assert counts[0] == counts[1]  # however many visitors


def test_with_what_is_written(world: World, crowd: list[Visitor], monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"personal": 0.3, "text": 1.0, "together": 0.5, "popular": 0.3}
    world.blend = Blend(weights, kinds={"purchase": 2.0}, visit=0.5)
    rows = np.random.default_rng(0).standard_normal((len(world.items), 5), np.float32)
    rows[::7] = 0
    world.publish(texts=rows, neighbours={0: [5], 20: [9, 41]})
    Feedback.objects.filter(visitor=crowd[1], item=world.item(1, 0)).update(time=timezone.now() - timedelta(hours=5))
    same(crowd)
    same(crowd, queryset=Product.objects.filter(sku__regex="^t[0-3]"))
    monkeypatch.setattr("mtrec_django.jobs.batch.recommend_for", None)
    compared = {one.visitor: one.items for one in recommend_batch("world", n=6)}
    world.blend = Blend({name: weight for name, weight in weights.items() if name != "text"})
    world.publish(texts=rows)
    live.reset()
    plain = {one.visitor: one.items for one in recommend_batch("world", n=6)}
    assert all(compared[visitor.pk] != plain[visitor.pk] for visitor in crowd[:6])


def test_with_rules(world: World, crowd: list[Visitor]) -> None:
    for row, item in enumerate(world.items):
        item.categories = {"topic": [str(row // world.depth)], "rank": [str(row % world.depth)]}
    Item.objects.bulk_update(world.items, ["categories"])
    Product.objects.filter(pk__in=[world.product(3, 3).pk, world.product(4, 4).pk]).update(price=3)
    Product.objects.filter(pk=world.product(2, 3).pk).update(price=100)
    world.product(1, 0).stock = 0
    world.product(1, 0).save()
    sync_objects("testsite.product", [world.product(1, 0).pk])
    Pin.objects.create(scenario=world.scenario, item=world.item(6, 6), position=2)
    Pin.objects.create(scenario=world.scenario, item=world.item(6, 7), position=2)
    Pin.objects.create(scenario=world.scenario, item=world.item(1, 0), position=1)
    Pin.objects.create(scenario=world.scenario, item=world.item(2, 1), position=5)
    Pin.objects.create(scenario=world.scenario, item=world.item(5, 5), position=60)
    world.scenario.options = {"boost": {"cheap": 4}, "hide": ["dear"], "at_most": {"topic": 2}, "diversity": 0.4}
    world.scenario.save()
    same(crowd)
    same(crowd, diversity=0, at_most={}, boost={}, minimum=0.3)
    same(crowd, queryset=Product.objects.filter(sku__regex="^t[0-3]"))
    same(crowd, queryset=Product.objects.filter(sku__startswith="t1"), n=20)  # short


def test_with_freshness(world: World, crowd: list[Visitor]) -> None:
    world.blend = Blend({"personal": 1.0, "fresh": 1.0})
    world.publish()
    now = timezone.now()
    for row, item in enumerate(world.items):
        item.created_at = now - timedelta(days=row % 7)
    Item.objects.bulk_update(world.items, ["created_at"])
    same(crowd)


def test_what_asks_of_each_is_answered_one_by_one(world: World, crowd: list[Visitor]) -> None:
    same(crowd, rotation={"factor": 0.5})
    same(crowd, candidates=["personal", "visitors"])
    world.scenario.live_version = None
    world.scenario.save()
    same(crowd)


def test_with_what_is_known_of_visitors(world: World, crowd: list[Visitor], monkeypatch: pytest.MonkeyPatch) -> None:
    listening = artifact(world=world.blend)
    listening.arrays["query.friends"] = 40 * np.eye(64, dtype=np.float32)
    listening.arrays["query.user"] = 40 * np.stack([direction(7), direction(6)])
    listening.config["profile"] = {"labels": {"likes": {"seven": 0}}, "edges": {"age": []}, "first": {"age": 1}}
    world.publish(data=listening.to_bytes())
    plain = {one.visitor: one.items for one in recommend_batch("world", n=6)}
    Relation.objects.create(visitor=crowd[0], other=crowd[4], weight=1.0)
    Relation.objects.create(visitor=crowd[2], other=crowd[7], weight=1.0)  # a friend who did nothing
    crowd[1].features, crowd[3].features = {"likes": ["seven"]}, {"age": 40, "likes": "what nobody knows"}
    Visitor.objects.bulk_update([crowd[1], crowd[3]], ["features"])
    same(crowd)
    moved = {one.visitor: one.items for one in recommend_batch("world", n=6)}
    changed = [visitor.pk for visitor in crowd if moved[visitor.pk] != plain[visitor.pk]]
    assert changed == [crowd[0].pk, crowd[1].pk, crowd[3].pk]
    monkeypatch.setattr("mtrec_django.jobs.batch.recommend_for", None)
    assert len(list(recommend_batch("world", n=6))) == len(crowd)


def test_some_visitors(world: World, crowd: list[Visitor]) -> None:
    some = Visitor.objects.filter(pk__in=[crowd[3].pk, crowd[1].pk])
    assert [one.visitor for one in recommend_batch("world", some, n=3)] == [crowd[1].pk, crowd[3].pk]


def test_what_makes_no_sense_is_refused(world: World) -> None:
    with pytest.raises(NotRegistered):
        list(recommend_batch("nowhere"))
    with pytest.raises(BadRule):
        list(recommend_batch("world", diversity=3))


@pytest.mark.parametrize("k", [1, 10, 300])
def test_the_best_of_many(k: int) -> None:
    rng = np.random.default_rng(k)
    scores = rng.normal(size=50_000).astype(np.float32)
    scores[:40_000:3] = -np.inf
    assert set(best(scores, k).tolist()) == set(np.argsort(-scores)[:k].tolist())
    some = scores[:300]
    assert len(best(some, 300)) == np.isfinite(some).sum()
    assert len(best(np.zeros(50_000, np.float32), k)) == k
