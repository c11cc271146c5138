"""Names under keyed hashes: found again, brought under a new secret, and told by no table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from mtrec_django import Event, recommend
from mtrec_django.events.history import import_events
from mtrec_django.events.pseudonyms import lost, outdated, rekey
from mtrec_django.events.relations import Tie, import_relations
from mtrec_django.events.tracking import track
from mtrec_django.events.visitors import merge_at_login, visitor_by_external_id, visitor_for
from mtrec_django.models import Feedback, Relation, Visitor
from mtrec_django.serving.query import who
from mtrec_django.testing import make_scenario
from tests.site.making import make_product, make_request
from tests.traces import traces

pytestmark = pytest.mark.django_db

OLD, NEW = {"VISITOR_KEYS": ["old secret"]}, {"VISITOR_KEYS": ["new secret", "old secret"]}


def import_one(name: str = "xyzzy@example.org") -> int:
    product = make_product() if not Feedback.objects.exists() else None
    item = product.pk if product else Feedback.objects.latest("pk").item.object_id
    event = Event(item, "view", 1_700_000_000, visitor=name)
    return import_events([event], "testsite.product").imported


def test_a_name_stands_in_no_table(settings: Any) -> None:
    settings.MTREC = OLD
    import_one()
    import_relations([Tie("xyzzy@example.org", "other xyzzy")])
    assert traces(["xyzzy"]) == set()
    assert Relation.objects.get().visitor == visitor_by_external_id("xyzzy@example.org")
    assert visitor_by_external_id("someone else") is None


def test_a_guests_key_is_not_what_the_browser_carries(settings: Any) -> None:
    settings.MTREC = OLD
    request = make_request()
    guest = visitor_for(request, create=True)
    assert guest is not None
    assert traces([request.session["mtrec_visitor"]]) == set()
    assert visitor_for(make_request(session=request.session)) == guest


@pytest.mark.parametrize("before", [{}, OLD])
def test_who_was_known_before_a_new_secret_is_known_after_it(settings: Any, before: dict[str, Any]) -> None:
    settings.MTREC = before
    import_one()
    request = make_request()
    guest, named = visitor_for(request, create=True), visitor_by_external_id("xyzzy@example.org")
    settings.MTREC = NEW
    for expected in (2, 0):
        assert visitor_for(make_request(session=request.session)) == guest
        assert visitor_by_external_id("xyzzy@example.org", create=True) == named
        assert outdated().count() == expected
        assert rekey() == expected
    assert visitor_for(make_request(session=request.session)) == guest
    assert visitor_by_external_id("xyzzy@example.org") == named
    assert traces(["xyzzy", request.session["mtrec_visitor"]]) == set()


@pytest.mark.parametrize("before", [{}, OLD])
def test_the_same_history_counts_once_whatever_the_secret(settings: Any, before: dict[str, Any]) -> None:
    settings.MTREC = before
    assert import_one() == 1
    settings.MTREC = NEW
    assert import_one() == 0
    assert import_one("another") == 1
    assert Visitor.objects.count() == 2


def test_answers_and_log_ins_find_the_guest(settings: Any) -> None:
    settings.MTREC = OLD
    make_scenario("shelf")
    request = make_request()
    track(request, "view", make_product())
    settings.MTREC = NEW
    assert who(request) is not None
    assert recommend(make_request(session=request.session), "shelf").visitor == Visitor.objects.get().pk
    user = get_user_model().objects.create_user("ann")
    member = merge_at_login(request, user)
    assert member is not None
    assert member.feedback.count() == 1


def test_a_merge_takes_the_name_with_its_secret(settings: Any) -> None:
    settings.MTREC = OLD
    guest = visitor_by_external_id("xyzzy", create=True)
    user = Visitor.objects.create(user=get_user_model().objects.create_user("ann"))
    assert guest is not None
    from mtrec_django.events.visitors import merge

    merge(guest, user)
    settings.MTREC = NEW
    assert rekey() == 1
    assert visitor_by_external_id("xyzzy") == user


def test_a_secret_that_was_dropped_is_missed(settings: Any) -> None:
    settings.MTREC = OLD
    visitor_by_external_id("xyzzy", create=True)
    assert lost().count() == 0
    settings.MTREC = {"VISITOR_KEYS": ["another"]}
    assert lost().count() == 1
    assert rekey() == 0
