"""For a site's own tests: a recommender that answers what the test says, factories, and a conformance test of sources.

with fake_recommender(tea, coffee) as fake:
    response = client.get("/")
assert fake.asked[0].scenario == "home"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from .catalog.registry import source_for
from .catalog.sync import item_for, sync_objects
from .events.tracking import track_visitor
from .exceptions import BadFeedback
from .models import Feedback, Item, Scenario, Visitor
from .retrieval import store
from .retrieval.candidates import Ask
from .retrieval.filters import Allowed
from .retrieval.search import Search
from .retrieval.sources import registered_sources
from .retrieval.statement import read
from .serving import recommender
from .serving.live import Live
from .serving.question import Question
from .serving.reasons import Reason
from .serving.recommendations import Answer, Recommendation

if TYPE_CHECKING:
    from django.test import TestCase
else:
    TestCase = object


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that the code under test asked."""

    scenario: str
    n: int
    similar: bool


@dataclass
class FakeRecommender:
    """Answers with its objects in their order, and remembers what it was asked."""

    objects: Sequence[Model]
    asked: list[Asked] = field(default_factory=list)

    def answer(self, question: Question, *, consent: bool) -> Answer:
        """The first n objects that the question allows."""
        name = question.live.scenario.name
        self.asked.append(Asked(name, question.n, question.similar))
        allowed = [obj for obj in self.objects if _allows(question, obj)][: question.n]
        made = Answer(scenario=name, title=name, consent=consent, short=len(allowed) < question.n)
        for obj in allowed:
            obj.recommendation = _recommendation(obj, made)  # type: ignore[attr-defined]
            made.append(obj)
        return made


class _FakeLive:
    """Every scenario there may be, without a row or a version."""

    @staticmethod
    def scenario(name: str) -> Live:
        return Live(Scenario(name=name))

    @staticmethod
    def scenarios() -> list[Live]:
        return []


@contextmanager
def fake_recommender(*objects: Model) -> Iterator[FakeRecommender]:
    """Make `recommend`, `similar_items`, the template tags and the API answer with these objects, in this order.

    No scenario, version, item or event has to exist. `n`, `queryset=`, `item=` and `exclude=` are kept to.
    """
    fake = FakeRecommender(objects)
    with mock.patch.object(recommender, "live", _FakeLive), mock.patch.object(recommender, "answer", fake.answer):
        yield fake


def _allows(question: Question, obj: Model) -> bool:
    key = (source_for(obj).label, str(obj.pk))
    if key in {(one.label, one.object_id) for one in question.left_out}:
        return False
    if any(isinstance(obj, rows.model) and rows.filter(pk=obj.pk).exists() for rows in question.without):
        return False
    rows = question.queryset
    return rows is None or (isinstance(obj, rows.model) and rows.filter(pk=obj.pk).exists())


def _recommendation(obj: Model, made: Answer) -> Recommendation:
    return Recommendation(
        id=made.id,
        item=0,  # no item has to exist
        position=len(made),
        score=1.0 - len(made) / 1000,
        scenario=made.scenario,
        version=None,
        explain=Reason("personal").itself,
        obj=obj,
    )


def make_item(obj: Model) -> Item:
    """The item of an object, as a sync would make it."""
    item = item_for(obj, create=True)
    if item is None:
        raise ValueError(f"{obj!r} is not in the catalogue of {source_for(obj)!r}.")
    return item


def make_scenario(name: str = "home", **fields: Any) -> Scenario:
    """A scenario whose goal is views and purchases, over all sources, without a live version."""
    return Scenario.objects.create(**{"name": name, "goal": {"view": 1, "purchase": 5}, **fields})


def make_visitor(user: Any = None, **fields: Any) -> Visitor:
    """A signed-in visitor of a user, or a guest."""
    return Visitor.objects.create(user=user, **fields)


def make_event(
    obj: Model,
    kind: str = "view",
    *,
    visitor: Visitor | None = None,
    ago: timedelta = timedelta(0),
    time: datetime | None = None,
    **fields: Any,
) -> Feedback:
    """An event on an object, which becomes an item when it is none yet; of a new guest unless a visitor is given."""
    made = track_visitor(visitor or make_visitor(), kind, make_item(obj), time=time or timezone.now() - ago, **fields)
    if made is None:
        raise BadFeedback(f"{kind} of {obj!r} was not stored: the visitor or the item is gone.")
    return made


class ItemSourceTests(TestCase):
    """What every item source must do. Mix it into a TestCase and say how an object is made:

    class ProductsTests(ItemSourceTests, TestCase):
        def make_object(self):
            return Product.objects.create(title="Tea", price=3)
    """

    def make_object(self) -> Model:
        """A new object that is available; another one at each call."""
        raise NotImplementedError(f"{type(self).__name__}.make_object() makes one object that is available.")

    def test_it_has_no_problems(self) -> None:
        """`manage.py check` has nothing to say about the declaration."""
        self.assertEqual(source_for(self.make_object()).check(), [])

    def test_it_describes_an_object(self) -> None:
        """There is a title, and text or a category to learn from."""
        obj = self.make_object()
        told = source_for(obj).describe(obj)
        self.assertTrue(told.title)
        self.assertTrue(told.text or told.categories, "Nothing is known of the object before anyone has clicked on it.")

    def test_a_new_object_is_in_the_catalogue_and_available(self) -> None:
        """`queryset()` holds it, and `available()` can be filtered further."""
        obj = self.make_object()
        source = source_for(obj)
        self.assertTrue(source.queryset().filter(pk=obj.pk).exists())
        self.assertTrue(source.available().filter(pk=obj.pk).exists())

    def test_lookup_finds_the_object_alone(self) -> None:
        """The field by which the API and data folders name objects names one."""
        obj, _ = self.make_object(), self.make_object()
        source = source_for(obj)
        name = source.queryset().filter(pk=obj.pk).values_list(source.lookup, flat=True).get()
        self.assertEqual([str(found.pk) for found in source.queryset().filter(**{source.lookup: name})], [str(obj.pk)])

    def test_describing_more_objects_takes_no_more_queries(self) -> None:
        """A sync of a large catalogue is a matter of minutes, not of hours."""
        self.make_object(), self.make_object()
        few = self._queries_to_describe()
        self.make_object(), self.make_object()
        self.assertEqual(self._queries_to_describe(), few)

    def test_a_second_sync_changes_nothing(self) -> None:
        """A description is the same each time, so that no text is encoded twice."""
        obj = self.make_object()
        label = source_for(obj).label
        sync_objects(label, [obj.pk])
        again = sync_objects(label, [obj.pk])
        self.assertEqual((again.created, again.changed, again.texts), (0, 0, 0))

    def test_url_is_text(self) -> None:
        """A page of its own, or empty."""
        obj = self.make_object()
        self.assertIsInstance(source_for(obj).url(obj), str)

    def _queries_to_describe(self) -> int:
        source = source_for(self.make_object())
        with CaptureQueriesContext(connection) as queries:
            for obj in source.queryset().order_by("pk"):
                source.describe(obj)
        return len(queries)


class CandidateSourceTests(TestCase):
    """What every candidate source must do. Mix it into a TestCase, name the source, say how an object is made and what
    must be there for the source to find it:

        class ClearanceTests(CandidateSourceTests, TestCase):
            source = "clearance"

            def make_object(self):
                product = Product.objects.create(title="Tea", price=3)
                make_item(product)
                return product

            def before(self, objects):
                for product in objects:
                    Clearance.objects.create(product=product)
    """

    source: str
    """Its name."""

    def make_object(self) -> Model:
        """A new object that is an item and available; another one at each call."""
        raise NotImplementedError(f"{type(self).__name__}.make_object() makes one object that is an item.")

    def before(self, objects: list[Model]) -> None:
        """Make whatever the source finds these objects by, for a visitor who met the first of them."""

    def test_it_is_registered(self) -> None:
        """By its name, which is short enough to be stored with what was shown."""
        self.assertIn(self.source, registered_sources())
        self.assertLessEqual(len(self.source), 32)

    def test_an_empty_question_breaks_nothing(self) -> None:
        """Nobody known, no version, no scenario: it may find nothing, and raises nothing."""
        self.make_object()
        for narrow in (False, True):
            self._found(Ask(None, Allowed(), 5, narrow=narrow))

    def test_what_may_not_be_shown_is_never_found(self) -> None:
        """It draws from `ask.pool` where `ask.where`."""
        objects = [self.make_object() for _ in range(4)]
        self.before(objects)
        out, gone = make_item(objects[1]), make_item(objects[2])
        Item.objects.filter(pk=gone.pk).update(available=False)
        for narrow in (False, True):
            found = self._found(self._ask(objects, Allowed((out.source,), excluded=(out.pk,)), narrow=narrow))
            self.assertNotIn(out.pk, found)
            self.assertNotIn(gone.pk, found)

    def test_the_same_question_has_the_same_answer(self) -> None:
        """Equally strong items are in one order, in whichever way the question is put."""
        objects = [self.make_object() for _ in range(4)]
        self.before(objects)
        ask = self._ask(objects, Allowed())
        first = self._found(ask)
        self.assertEqual(self._found(ask), first)
        self.assertEqual(set(self._found(replace(ask, narrow=True))), set(first))

    def test_it_gives_no_more_than_its_limit(self) -> None:
        """Twice the limit would crowd other sources out."""
        objects = [self.make_object() for _ in range(4)]
        self.before(objects)
        source = registered_sources()[self.source]
        self.assertLessEqual(len(self._found(self._ask(objects, Allowed()))), max(source.limit, 5))

    def _ask(self, objects: list[Model], allowed: Allowed, *, narrow: bool = False) -> Ask:
        place = Scenario.objects.filter(name="conforming").first() or make_scenario("conforming")
        visitor = make_visitor()
        event = make_event(objects[0], visitor=visitor)
        return Ask(
            place.pk,
            allowed,
            5,
            visitor=visitor.pk,
            history=[event.item_id],
            weights=[1.0],
            goal=place.goal,
            narrow=narrow,
        )

    def _found(self, ask: Ask) -> list[int]:
        search = Search(ask, [self.source])
        (rows,) = read([search.statement], using=store.database())
        return search.read(rows).items.tolist()
