"""Who asks, and what they did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory

from mtrec_django.events.visitors import visitor_for
from mtrec_django.inference.query import QueryEncoder
from mtrec_django.models import Feedback, Visitor
from mtrec_django.retrieval.statement import Fragment, compose, read
from mtrec_django.serving.query import History, identity, known, who

from .world import World, artifact, direction


def of(visitor: Fragment | None) -> Any:
    assert visitor is not None
    return read([identity(visitor)], using="default")[0][0][0]


def request_of(user: Any) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    request.session = {}  # type: ignore[assignment]
    return request


def test_a_user_and_a_guest_are_found_without_a_query(db: None, django_assert_num_queries: Any) -> None:
    user = User.objects.create(username="ada")
    signed_in, guest = request_of(user), request_of(AnonymousUser())
    expected = [visitor_for(request, create=True) for request in (signed_in, guest)]
    with django_assert_num_queries(0):
        found = [who(signed_in), who(guest)]
    assert [of(one) for one in found] == [visitor.pk for visitor in expected if visitor]


def test_nobody(db: None, settings: Any) -> None:
    assert who(None) is None
    assert who(request_of(AnonymousUser())) is None
    assert who(RequestFactory().get("/")) is None
    assert known(None) is None
    settings.MTREC = {"CONSENT": "tests.serving.test_recommender.refuses"}
    assert who(request_of(User.objects.create(username="ada"))) is None


def test_a_merged_guest_is_nobody(db: None) -> None:
    """The key in the session of one who became a user must not open that user's history."""
    guest = request_of(AnonymousUser())
    visitor_for(guest, create=True)
    Visitor.objects.update(user=User.objects.create(username="ada"))
    assert of(who(guest)) is None


def test_a_user_without_a_visitor(db: None) -> None:
    assert of(who(request_of(User.objects.create(username="ada")))) is None


def test_a_known_visitor(db: None) -> None:
    visitor = Visitor.objects.create()
    assert of(known(visitor)) == visitor.pk


def history(*topics: int) -> History:
    count = len(topics)
    vectors = np.stack([direction(topic) for topic in topics])
    return History(tuple(topics), ("view",) * count, ("",) * count, (1.0,) * count, (False,) * count, vectors)


def test_the_item_on_the_page_comes_first_and_the_oldest_falls_out() -> None:
    seen = history(*range(30)).after_viewing(99, "Tea", direction(31))
    assert (seen.items[0], seen.kinds[0], seen.titles[0], seen.here[0]) == (99, "view", "Tea", True)
    assert len(seen) == 31 == len(seen.vectors)
    full = history(*list(range(25)) * 2).after_viewing(99, "Tea", direction(31))
    assert len(full) == 50 == len(full.vectors) == len(full.ages)


def test_unknown_items_are_passed_over() -> None:
    encoder = QueryEncoder.from_artifacts(artifact())
    mixed = history(3, 5)
    mixed.vectors[0] = np.nan
    np.testing.assert_array_equal(mixed.encode(encoder), history(5).encode(encoder))
    np.testing.assert_array_equal(History().encode(encoder), encoder.encode(np.empty((0, 64)), *(np.empty(0),) * 3))


@pytest.mark.parametrize("exclude", [[], ["purchase"]])
def test_the_history_is_read_by_its_index(world: World, exclude: list[str]) -> None:
    from mtrec_django.serving.query import had, last_events

    visitor, item = world.visitor((3, 0)), world.item(3, 0)
    crowd = Visitor.objects.bulk_create([Visitor() for _ in range(200)])
    Feedback.objects.bulk_create([Feedback(visitor=one, item=item, kind="view") for one in crowd for _ in range(10)])
    with connection.cursor() as cursor:
        cursor.execute("analyze mtrec_feedback")  # a planner that thinks the table empty takes any index
    asked = last_events(known(visitor) or Fragment("1"), world.version.pk)
    if exclude:
        asked = had(known(visitor) or Fragment("1"), exclude, {"rating": 2.0})
    (rows,) = read([compose("explain {asked}", asked=asked)], using="default")
    plan = "\n".join(row[0] for row in rows)
    assert "mtrec_feedback_history" in plan
