"""Candidates under every filter: complete, exact where few are allowed, by the index where many are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.db import connection

from mtrec_django.conf import DIM
from mtrec_django.exceptions import NotRegistered
from mtrec_django.inference.blend import Blend, combine
from mtrec_django.models import Item, ItemNeighbours, ModelVersion, Scenario
from mtrec_django.retrieval import lists, sources, store
from mtrec_django.retrieval.candidates import Ask, CandidateSource
from mtrec_django.retrieval.counts import read_counts
from mtrec_django.retrieval.filters import Allowed, Keys, keys_of
from mtrec_django.retrieval.found import Candidates
from mtrec_django.retrieval.gathering import Gathered, gather
from mtrec_django.retrieval.search import Search
from mtrec_django.retrieval.sources import register_source
from mtrec_django.retrieval.statement import Fragment, compose, read
from tests.serving.world import World, direction
from tests.site.models import Product

LABEL = "testsite.product"


def found(ask: Ask, *names: str) -> Candidates:
    names = names or sources.DEFAULT
    search = Search(ask, names)
    (rows,) = read([search.statement], using="default", settings=store.search_settings(300))
    return search.read(rows)


def ask(world: World, allowed: Allowed | None = None, **changes: Any) -> Ask:
    values = {"version_id": world.version.pk, "query": direction(3), "counts": read_counts(world.scenario.pk)} | changes
    return Ask(world.scenario.pk, allowed or Allowed((LABEL,)), 5, **values)


def gathered(world: World, history: list[int], weights: np.ndarray) -> Gathered:
    """What goes with items met, by the version's own lists."""
    rows = dict(ItemNeighbours.objects.filter(version_id=world.version.pk).values_list("item_id", "packed"))
    return gather(weights, [bytes(rows[item]) if item in rows else None for item in history])


def plan(ask: Ask) -> str:
    """What Postgres would do."""
    asked = Search(ask).statement
    explained = Fragment("explain " + asked.text, asked.params)
    (rows,) = read([explained], using="default", settings=store.search_settings(300))
    return "\n".join(row[0] for row in rows)


MANY = 12_000
"""Enough for an index to pay."""


@pytest.fixture
def many(db: None) -> World:
    rng = np.random.default_rng(0)
    world = World()
    products = [Product(sku=f"s{row}", title=f"P{row}", price=row) for row in range(MANY)]
    world.products = Product.objects.bulk_create(products)
    world.items = Item.objects.bulk_create([Item(source=LABEL, object_id=str(one.pk)) for one in world.products])
    vectors = rng.normal(size=(MANY, DIM)).astype(np.float32)
    world.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    world.scenario = Scenario.objects.create(name="many", sources=[LABEL])
    world.publish()
    with connection.cursor() as cursor:
        cursor.execute("analyze testsite_product, mtrec_item")
    return world


def below(price: float) -> tuple[Keys]:
    return (keys_of(Product.objects.filter(price__lt=price), "default"),)


def test_the_plan_is_ours(many: World) -> None:
    graph = f"Index Scan using mtrec_itemvector_v{many.version.pk}_hnsw"
    for allowed in (
        Allowed((LABEL,)),
        Allowed((LABEL,), tuple(range(1, 40))),
        Allowed((LABEL,), keys=below(0.9 * MANY)),
        Allowed((LABEL,), keys=below(0.5 * MANY)),
        Allowed((LABEL, "testsite.article"), keys=below(0.9 * MANY)),
    ):
        assert graph in plan(ask(many, allowed)), allowed
    assert graph not in plan(ask(many, Allowed((LABEL,), keys=below(0.01 * MANY)), narrow=True))


def test_recall_under_filters(many: World) -> None:
    """Against all distances, computed in numpy."""
    rng = np.random.default_rng(1)
    for share, narrow in [
        (1, False),
        (0.9, False),
        (0.5, False),
        (0.1, False),
        (0.1, True),
        (0.01, True),
        (0.001, True),
    ]:
        last, recalls = int(MANY * share), []
        for row in range(4):
            query = many.vectors[row] + rng.normal(size=DIM).astype(np.float32) * 0.05
            exact = np.argsort(-(many.vectors[:last] @ query))[:300]
            got = found(ask(many, Allowed((LABEL,), keys=below(last)), query=query, narrow=narrow), "personal")
            expected = {many.items[row].pk for row in exact}
            assert len(got) == len(expected)
            recalls.append(len(expected & set(got.items.tolist())) / len(expected))
        assert np.mean(recalls) >= (0.99 if narrow else 0.95), (share, narrow)


@pytest.fixture
def listed(many: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same items in lists."""
    monkeypatch.setattr(lists, "FEWEST", MANY)
    store.index(many.version.pk)
    return many


def deep(world: World, last: float, **changes: Any) -> Ask:
    allowed = Allowed((LABEL,), keys=below(last))
    return ask(world, allowed, share=last / MANY, items=MANY, lists=store.lists_of(world.version.pk), **changes)


def found_deep(ask: Ask) -> Candidates:
    assert ask.deep
    search = Search(ask, ["personal"])
    (rows,) = read([search.statement], using="default", settings=store.search_settings(ask.met, ask.probes))
    return search.read(rows)


def test_lists_are_read_where_a_queryset_keeps_little(listed: World) -> None:
    name = f"mtrec_itemvector_v{listed.version.pk}_lists"
    assert f"Index Scan using {name}" in plan(deep(listed, 0.3 * MANY))
    assert f"Index Scan using {name}" in plan(deep(listed, 0.5 * MANY))
    assert name not in plan(deep(listed, 0.9 * MANY))
    assert name not in plan(deep(listed, 0.01 * MANY, narrow=True))
    assert name not in plan(replace(deep(listed, 0.3 * MANY), lists=0))  # of a version made before


def test_recall_by_lists(listed: World) -> None:
    """Of vectors at random, which are harder to tell apart by place than any that were learned."""
    last, recalls = int(MANY * 0.2), []
    for row in range(4):
        got = found_deep(deep(listed, last, query=listed.vectors[row]))
        exact = np.argsort(-(listed.vectors[:last] @ listed.vectors[row]))[:100]
        assert 250 < len(got) <= 300
        recalls.append(len({listed.items[row].pk for row in exact} & set(got.items.tolist())) / 100)
    assert np.mean(recalls) >= 0.95


def test_where_little_of_what_is_near_is_allowed_the_graph_goes_on(listed: World) -> None:
    """As by a share that was estimated far too high."""
    got = found_deep(replace(deep(listed, 400), share=0.5))
    exact = np.argsort(-(listed.vectors[:400] @ direction(3)))[:300]
    assert len(got) == 300
    assert len({listed.items[row].pk for row in exact} & set(got.items.tolist())) >= 285


def test_both_ways_of_filtering_find_the_same(world: World) -> None:
    keys = keys_of(Product.objects.filter(sku__regex=r"-[0-4]$"), "default")
    wide, narrow = (found(ask(world, Allowed((LABEL,), keys=(keys,)), narrow=narrow)) for narrow in (False, True))
    assert wide.items.tolist() == narrow.items.tolist()
    assert wide.found_by == narrow.found_by
    assert len(wide) == 40


def test_every_source_says_what_it_found(world: World) -> None:
    world.publish(neighbours={world.row(3, 0): [world.row(6, 6)]})
    world.score(5, 5, popular=7)
    got = found(ask(world, gathered=gathered(world, [world.item(3, 0).pk], np.ones(1, np.float32))))
    by_item = dict(zip(got.items.tolist(), got.found_by, strict=True))
    assert by_item[world.item(6, 6).pk] == {"personal", "together"}
    assert by_item[world.item(5, 5).pk] == {"personal", "popular"}


def test_what_the_version_does_not_know_is_left_to_counts(world: World) -> None:
    late = Item.objects.create(source=LABEL, object_id="9999")
    assert late.pk not in found(ask(world)).items
    assert late.pk in found(Ask(world.scenario.pk, Allowed((LABEL,)), 5), *sources.COUNTS).items


def test_neighbours_are_summed_as_an_evaluation_does(world: World) -> None:
    rng = np.random.default_rng(3)
    table = {row: rng.choice(80, 6, replace=False).tolist() for row in range(10)}
    world.publish(neighbours=table)
    history = [4, 2, 4, 7]
    blend = Blend(decay=0.7)
    weights = blend.history_weights(["view"] * 4)
    strengths = np.array([[1 / (1 + at) for at in range(6)]] * 4, np.float32)
    expected = dict(
        zip(
            *map(np.ndarray.tolist, combine(weights, np.array([table[row] for row in history], np.int32), strengths)),
            strict=True,
        )
    )
    met = [world.items[row].pk for row in history]
    got = found(ask(world, gathered=gathered(world, met, weights)), "together", "personal")
    together = {
        world.items.index(Item(pk=pk)): value
        for pk, value in zip(got.items.tolist(), got.features["together"].tolist(), strict=True)
    }
    assert {row: value for row, value in together.items() if value} == pytest.approx(expected, rel=1e-5)
    partner = {
        world.items.index(Item(pk=pk)): at
        for pk, at in zip(got.items.tolist(), got.partners["together"].tolist(), strict=True)
    }
    for row in expected:
        shares = [
            w * (1 / (1 + table[met].index(row))) if row in table[met] else 0
            for met, w in zip(history, weights, strict=True)
        ]
        assert shares[partner[row]] == pytest.approx(max(shares))


def test_unavailable_items_are_out(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update mtrec_itemvector set available = false where item_id = %s", [world.item(3, 0).pk])
    assert world.item(3, 0).pk not in found(ask(world)).items
    assert world.item(3, 0).pk in found(ask(world, Allowed((LABEL,), flagged=False))).items


def test_no_version_counts_only(world: World) -> None:
    world.score(5, 5, popular=7, trending=2)
    got = found(ask(world, version_id=None, query=None), *sources.COUNTS)
    assert got.trending[got.items == world.item(5, 5).pk] == [2]
    assert np.isnan(got.vectors).all()
    assert len(got) == 21  # what has counts, and the newest


def test_nothing_is_there(db: None) -> None:
    version = ModelVersion.objects.create(kind="base")
    store.create(version.pk)
    store.index(version.pk)
    got = found(Ask(1, Allowed((LABEL,)), 5, version_id=version.pk, query=direction(0), history=[1], weights=[1.0]))
    assert len(got) == 0
    assert got.features["personal"].shape == (0,)


def test_categories_are_read_when_asked_for(world: World) -> None:
    Item.objects.filter(pk=world.item(3, 0).pk).update(categories={"brand": ["a"]})
    got = found(ask(world, with_items=True))
    assert got.categories[got.items.tolist().index(world.item(3, 0).pk)] == {"brand": ["a"]}
    assert not any(found(ask(world)).categories)


def test_a_site_adds_a_source(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_sources", dict(sources._sources))

    @register_source
    class Editors(CandidateSource):
        name = "editors"

        def select(self, ask: Ask) -> Fragment:
            return compose(
                "select v.item_id from {pool} where {where} and v.item_id = any({picks}) limit {limit}",
                pool=ask.pool,
                where=ask.where,
                picks=[world.item(1, 9).pk],
                limit=self.limit,
            )

    for narrow in (False, True):
        got = found(ask(world, narrow=narrow, query=None), "editors")
        assert got.items.tolist() == [world.item(1, 9).pk]
        assert got.found_by == [{"editors"}]


def test_an_unknown_source() -> None:
    with pytest.raises(NotRegistered, match="horoscope"):
        sources.sources_named(["personal", "horoscope"])
