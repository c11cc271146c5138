"""Each candidate source finds what it should and speaks for it as strongly as it should."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import TestCase
from django.utils import timezone

from mtrec_django.exceptions import NotRegistered
from mtrec_django.models import Feedback, ItemPartners, Relation
from mtrec_django.retrieval import sources, store
from mtrec_django.retrieval.candidates import Ask, CandidateSource
from mtrec_django.retrieval.filters import Allowed
from mtrec_django.retrieval.found import Candidates
from mtrec_django.retrieval.search import Search
from mtrec_django.retrieval.sources import register_source, registered_sources
from mtrec_django.retrieval.statement import Fragment, read
from mtrec_django.serving.recommender import recommend_for
from mtrec_django.testing import CandidateSourceTests, make_item
from tests.serving.world import World
from tests.site.making import make_product

LABEL = "testsite.product"


def found(ask: Ask, *names: str) -> Candidates:
    search = Search(ask, names)
    (rows,) = read([search.statement], using="default", settings=store.search_settings(300))
    return search.read(rows)


def ask(world: World, *met: tuple[int, int], **changes: Any) -> Ask:
    """A question of a visitor who met these items, the most recent first."""
    rows = [world.row(*one) for one in met]
    values = {
        "version_id": world.version.pk,
        "history": [world.items[row].pk for row in rows],
        "weights": [1.0] * len(rows),
        "vectors": world.vectors[rows],
        "goal": {"view": 1.0, "purchase": 5.0},
    }
    return Ask(world.scenario.pk, Allowed((LABEL,)), 5, **(values | changes))


def strongest(world: World, got: Candidates, name: str) -> list[tuple[int, float, int]]:
    """Item by its row, strength and place in the history of what the source found, strongest first."""
    at = [row for row in range(len(got)) if name in got.found_by[row]]
    at.sort(key=lambda row: (-got.features[name][row], got.items[row]))
    rows = {item.pk: row for row, item in enumerate(world.items)}
    return [
        (rows[int(got.items[row])], round(float(got.features[name][row]), 3), int(got.partners[name][row]))
        for row in at
    ]


def test_similar_to_the_item_on_the_page(world: World) -> None:
    got = strongest(world, found(ask(world, (2, 0), (5, 0), on_page=True), "similar"), "similar")
    assert [row for row, _strength, _partner in got[:4]] == [world.row(2, rank) for rank in range(4)]
    assert got[0][1:] == (2.0, 0)
    assert len(found(ask(world, (2, 0)), "similar")) == 0
    unknown = ask(world, (2, 0), on_page=True, vectors=np.full((1, 64), np.nan, np.float32))
    assert len(found(unknown, "similar")) == 0


def test_because_of_what_was_viewed_last(world: World) -> None:
    got = strongest(world, found(ask(world, (2, 0), (5, 0)), "viewed"), "viewed")
    assert [row for row, *_rest in got[:3]] == [world.row(2, rank) for rank in range(3)]
    on_page = strongest(world, found(ask(world, (2, 0), (5, 0), on_page=True), "viewed"), "viewed")
    assert on_page[0] == (world.row(5, 0), 2.0, 1)
    assert len(found(ask(world, (2, 0), on_page=True), "viewed")) == 0


@pytest.mark.parametrize("narrow", [False, True])
def test_bought_together_with_the_history(world: World, narrow: bool) -> None:
    def partners(row: tuple[int, int], *others: tuple[tuple[int, int], float]) -> None:
        pks = [world.item(*other).pk for other, _weight in others]
        ItemPartners.objects.create(item=world.item(*row), others=pks, weights=[weight for _other, weight in others])

    partners((2, 0), ((6, 6), 0.5), ((7, 7), 0.25))
    partners((5, 0), ((7, 7), 0.5), ((1, 1), 0.125))
    got = found(ask(world, (2, 0), (5, 0), weights=[1.0, 0.8], narrow=narrow), "personal", "bought")
    assert strongest(world, got, "bought") == [
        (world.row(7, 7), 0.65, 1),
        (world.row(6, 6), 0.5, 0),
        (world.row(1, 1), 0.1, 1),
    ]


def event(world: World, visitor: Any, row: tuple[int, int], kind: str = "view", days: float = 0) -> None:
    Feedback.objects.create(
        visitor=visitor, item=world.item(*row), kind=kind, time=timezone.now() - timedelta(days=days)
    )


def test_from_people_one_knows(world: World) -> None:
    me, close, distant, foe = (world.visitor() for _ in range(4))
    for other, weight in [(close, 2.0), (distant, 1.0), (foe, -1.0)]:
        Relation.objects.create(visitor=me, other=other, weight=weight)
    event(world, close, (6, 6))
    event(world, close, (1, 1), "wave")
    event(world, distant, (7, 7), "purchase", days=30)
    event(world, distant, (6, 6), days=60)
    event(world, foe, (5, 5))
    got = strongest(world, found(ask(world, visitor=me.pk), "people"), "people")
    assert got == [(world.row(7, 7), 2.5, -1), (world.row(6, 6), 2.25, -1)]
    assert len(found(ask(world), "people")) == len(found(ask(world, visitor=me.pk, goal={}), "people")) == 0


def test_from_visitors_who_met_the_same(world: World) -> None:
    me, twin, half, other = (world.visitor() for _ in range(4))
    for row in [(2, 0), (5, 0)]:
        event(world, me, row)
        event(world, twin, row)
    event(world, half, (5, 0))
    event(world, me, (3, 3))
    event(world, twin, (6, 6))
    event(world, half, (7, 7))
    event(world, other, (1, 1))
    got = strongest(world, found(ask(world, (2, 0), (5, 0), visitor=me.pk), "visitors"), "visitors")
    assert got == [
        (world.row(5, 0), 3.0, -1),
        (world.row(2, 0), 2.0, -1),
        (world.row(6, 6), 2.0, -1),
        (world.row(7, 7), 1.0, -1),
    ]
    guest = strongest(world, found(ask(world, (2, 0)), "visitors"), "visitors")
    assert {row for row, *_rest in guest} == {world.row(*row) for row in [(2, 0), (5, 0), (3, 3), (6, 6)]}


def test_several_sources_speak_for_one_item(world: World) -> None:
    ItemPartners.objects.create(item=world.item(2, 0), others=[world.item(2, 1).pk], weights=[0.5])
    got = found(ask(world, (2, 0), on_page=True), "popular", "bought", "viewed", "similar")
    assert strongest(world, got, "bought") == [(world.row(2, 1), 0.5, 0)]
    at = got.items.tolist().index(world.item(2, 1).pk)
    assert got.found_by[at] == {"bought", "similar"}
    assert got.features["viewed"][at] == 0


@pytest.mark.parametrize(
    ("name", "sentence", "because"),
    [
        ("similar", "Similar to Product 5.0", "Product 5.0"),
        ("viewed", "Because you bought Product 2.0", "Product 2.0"),
        ("bought", "Often bought with Product 2.0", "Product 2.0"),
        ("people", "From people you know", ""),
        ("visitors", "Liked by visitors like you", ""),
    ],
)
def test_what_a_source_speaks_for_is_shown_with_its_reason(
    world: World, name: str, sentence: str, because: str
) -> None:
    target = (2, 1) if name == "viewed" else (5, 1) if name == "similar" else (7, 7)
    me, other = world.visitor((2, 0), kind="purchase"), world.visitor((2, 0), (7, 7))
    Relation.objects.create(visitor=me, other=other)
    ItemPartners.objects.create(item=world.item(2, 0), others=[world.item(7, 7).pk], weights=[0.5])
    world.scenario.options = {"candidates": ["personal", name], "weights": {name: 100}}
    world.scenario.exclude = ["purchase"]
    world.scenario.save()
    answer = recommend_for(me, "world", 3, item=world.product(5, 0) if name in {"similar", "viewed"} else None)
    first = answer[0].recommendation
    assert answer[0] == world.product(*target)
    assert (first.source, str(first.reason), first.because) == (name, sentence, because)


def test_weights_of_a_scored_source(world: World) -> None:
    visitor = world.visitor((2, 0))
    ItemPartners.objects.create(item=world.item(2, 0), others=[world.item(7, 7).pk], weights=[0.5])
    place = [
        recommend_for(visitor, "world", 80, candidates=["personal", "bought"], weights={"bought": weight}).index(
            world.product(7, 7)
        )
        for weight in (0, 0.2, 5)
    ]
    assert place[0] > place[1] > place[2] == 0


def test_all_there_are() -> None:
    assert {*sources.DEFAULT, *sources.COUNTS} < set(registered_sources())
    with pytest.raises(NotRegistered, match="horoscope"):
        sources.sources_named(["personal", "horoscope"])


class Conforming(CandidateSourceTests):
    """Our own sources pass the test that sites' sources must."""

    def make_object(self) -> Any:
        product = make_product()
        make_item(product)
        return product


class BoughtTests(Conforming, TestCase):
    source = "bought"

    def before(self, objects: list[Any]) -> None:
        first, *others = (make_item(obj) for obj in objects)
        ItemPartners.objects.create(item=first, others=[other.pk for other in others], weights=[0.5] * len(others))


class PeopleTests(Conforming, TestCase):
    source = "people"


class VisitorsTests(Conforming, TestCase):
    source = "visitors"


class NewTests(Conforming, TestCase):
    source = "new"


class PopularTests(Conforming, TestCase):
    source = "popular"


def test_a_source_that_does_not_conform(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(sources, "_sources", dict(sources._sources))

    @register_source
    class Careless(CandidateSource):
        name = "careless"

        def select(self, ask: Ask) -> Fragment:
            return Fragment("select id as item_id from mtrec_item order by id")

    class CarelessTests(Conforming, TestCase):
        source = "careless"

    with pytest.raises(AssertionError):
        CarelessTests("test_what_may_not_be_shown_is_never_found").test_what_may_not_be_shown_is_never_found()
    CarelessTests("test_an_empty_question_breaks_nothing").test_an_empty_question_breaks_nothing()
