"""What is written on candidates, beside what is written on what was met."""

from __future__ import annotations

import re

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mtrec_django import similar_items
from mtrec_django.inference.blend import Blend, z_scores
from mtrec_django.models import Item, Visitor
from mtrec_django.retrieval import store
from mtrec_django.serving import live
from mtrec_django.serving.recommender import recommend_for
from tests.site.models import Product

from .world import World

COMPARING = Blend({"personal": 0.1, "text": 1.0})
WIDTH = 40


def texts(world: World, **like: tuple[int, int]) -> np.ndarray:
    """What is written on the items, of no two the same; `t5_7=(1, 0)` is said in nearly the words of (1, 0)."""
    rows = np.random.default_rng(0).standard_normal((len(world.items), WIDTH), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for name, other in like.items():
        rows[world.row(*map(int, name[1:].split("_")))] = 0.99 * rows[world.row(*other)] + 0.01
    return rows


def publish(world: World, blend: Blend, rows: np.ndarray | None = None) -> None:
    """A version with this blend and these texts, which the next answer is made by."""
    world.blend = blend
    world.publish(texts=rows)
    live.reset()


@pytest.fixture
def written(world: World) -> World:
    """(5, 7), which nobody has met, reads like (1, 0)."""
    publish(world, COMPARING, texts(world, t5_7=(1, 0)))
    return world


def test_an_item_without_events_that_reads_like_what_was_met_comes_first(written: World) -> None:
    visitor = written.visitor((6, 0), (1, 0))
    first = recommend_for(visitor, "world", 5, exclude=[written.product(1, 0), written.product(6, 0)])[0]
    assert first == written.product(5, 7)
    told = first.recommendation
    assert (told.source, str(told.reason)) == ("personal", "Because you viewed Product 1.0")
    publish(written, Blend({"personal": 0.1}), texts(written, t5_7=(1, 0)))
    assert written.product(5, 7) not in recommend_for(visitor, "world", 5)


def test_what_was_met_itself_reads_most_like_it(written: World) -> None:
    first, second = recommend_for(written.visitor((6, 0), (1, 0)), "world", 2)
    assert [first, second] == [written.product(1, 0), written.product(5, 7)]
    assert first.recommendation.source == "again"


def test_the_item_on_the_page_counts(written: World) -> None:
    for visitor in (None, written.visitor((6, 0), (7, 0))):
        first = recommend_for(visitor, "world", 5, item=written.product(1, 0))[0]
        assert first == written.product(5, 7)
        assert str(first.recommendation.reason) == "Similar to Product 1.0"


def test_the_reason_names_what_adds_most(world: World) -> None:
    """Alike and long ago, against less alike and just now."""
    rows = texts(world)
    alike = [[1, 0] * (WIDTH // 2), [1, 1] * (WIDTH // 2), [1, 0.1] * (WIDTH // 2)]
    rows[[world.row(1, 0), world.row(6, 0), world.row(5, 7)]] = alike
    publish(world, Blend({"text": 1.0}, decay=0.2), rows)  # by which texts are not read
    (other, another), out = [(2, 0), (3, 0)], [world.product(topic, 0) for topic in (1, 2, 3, 6)]
    long_ago = world.visitor((1, 0), other, another, (6, 0))
    assert recommend_for(long_ago, "world", 1, exclude=out)[0].recommendation.because == "Product 6.0"
    lately = world.visitor((1, 0), (6, 0))
    assert recommend_for(lately, "world", 1, exclude=out)[0].recommendation.because == "Product 1.0"


@pytest.mark.parametrize("candidates", [["personal"], ["new"], ["personal", "viewed", "popular"]])
def test_however_it_is_found(written: World, candidates: list[str]) -> None:
    """By a search, by rows looked up again, by a scored source; among all, and among what a queryset lists."""
    visitor = written.visitor((6, 0), (1, 0))
    store.upsert(written.version.pk, [written.item(0, 0).pk], written.vectors[:1])  # without a text, the first of all
    Item.objects.filter(pk=written.item(5, 7).pk).update(created_at=timezone.now())
    some = Product.objects.filter(sku__in=["t5-7", "t6-3", "t2-2", "t0-0"])
    for queryset in (None, some, some[:4]):
        answer = recommend_for(
            visitor,
            "world",
            4,
            queryset=queryset,
            candidates=candidates,
            item=written.product(1, 0),
            exclude=[written.product(6, 0)],
        )
        assert answer[0] == written.product(5, 7)
        assert answer.version is not None


def test_an_item_that_says_nothing_is_average_and_shifts_no_other(world: World) -> None:
    rows = texts(world)
    rows[5] = 0
    publish(world, Blend({"text": 1.0}), rows)
    with connection.cursor() as cursor:
        cursor.execute(
            f"update {store.vectors_table(world.version.pk).text} set text = null where item_id = %s",
            [world.items[9].pk],
        )
    rows[9] = np.nan
    rows[5] = np.nan
    answer = recommend_for(world.visitor((6, 0)), "world", len(rows))
    scores = z_scores(rows @ rows[world.row(6, 0)])
    served = {product.sku: product.recommendation.score for product in answer}
    expected = {one.sku: float(score) for one, score in zip(world.products, scores, strict=True)}
    assert (expected["t0-5"], expected["t0-9"]) == (0, 0)
    assert served == pytest.approx(expected, abs=0.03)


def test_it_takes_no_query_more(written: World) -> None:
    visitor = written.visitor((1, 0))
    recommend_for(visitor, "world", 5)
    with CaptureQueriesContext(connection) as queries:
        answer = recommend_for(visitor, "world", 5, item=written.product(3, 0))
    assert len(answer) == 5
    assert len(queries) == 3


def statements(world: World, visitor: Visitor) -> list[str]:
    """What an answer and similar items ask, whatever the version's number and the moment."""
    page = world.product(3, 0)
    recommend_for(visitor, "world", 5, item=page)
    with CaptureQueriesContext(connection) as queries:
        recommend_for(visitor, "world", 5, item=page)
        similar_items(page, 5)
    return [re.sub(rf"(_v|version_id = ){world.version.pk}\b", r"\1", query["sql"]) for query in queries]


def test_where_it_is_not_weighed_nothing_else_is_asked(world: World) -> None:
    visitor, rows = world.visitor((1, 0)), texts(world)
    plain = statements(world, visitor)
    assert not [sql for sql in plain if "text, decode" in sql]
    publish(world, world.blend, rows)
    assert statements(world, visitor) == plain
    publish(world, COMPARING)  # of which the version knows no texts
    assert statements(world, visitor) == plain
    publish(world, COMPARING, rows)
    compared = statements(world, visitor)
    assert ["text, decode" in sql for sql in compared] == [True, True, False, False, False, False]
