"""Who is asking, and what becomes of a guest who signs in."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory
from rest_framework.request import Request

from mtrec_django.events.relations import set_relation
from mtrec_django.events.tracking import track_visitor
from mtrec_django.events.visitors import (
    SESSION_KEY,
    consents,
    find_visitor,
    forget,
    merge,
    merge_at_login,
    visitor_by_external_id,
    visitor_for,
)
from mtrec_django.models import Feedback, Recommendation, Relation, Visitor
from mtrec_django.signals import visitor_merged
from tests.site.making import make_product, make_request

User = get_user_model()


def refuse(request: Any) -> bool:
    return request.GET.get("cookies") == "yes"


def test_a_guest_is_known_by_the_session(db: None) -> None:
    request = make_request()
    assert visitor_for(request) is None
    assert SESSION_KEY not in request.session
    visitor = visitor_for(request, create=True)
    assert visitor is not None
    assert request.session[SESSION_KEY] == str(visitor.key)
    assert visitor_for(make_request(session=request.session)) == visitor
    assert visitor_for(make_request()) is None


def test_a_user_is_known_by_the_user(db: None) -> None:
    user = User.objects.create_user("ann")
    assert visitor_for(make_request(user)) is None
    visitor = visitor_for(make_request(user), create=True)
    assert visitor is not None
    assert visitor.user == user
    assert visitor_for(make_request(user), create=True) == visitor


def test_a_visitor_is_looked_up_once_a_request(db: None, django_assert_num_queries: Any) -> None:
    user = User.objects.create_user("ann")
    request = make_request(user)
    with django_assert_num_queries(1):
        assert visitor_for(request) is None
        assert visitor_for(request) is None
    visitor = visitor_for(request, create=True)
    with django_assert_num_queries(0):
        assert visitor_for(request) is visitor
    forget(request)
    with django_assert_num_queries(1):
        assert visitor_for(request) == visitor


def test_a_guest_nobody_knows_costs_no_query(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert visitor_for(make_request()) is None


def test_the_cache_belongs_to_the_user_it_was_filled_for(db: None) -> None:
    request = make_request()
    guest = visitor_for(request, create=True)
    request.user = User.objects.create_user("ann")
    user = visitor_for(request, create=True)
    assert user is not None
    assert user != guest


def test_rest_frameworks_request_is_the_same_visitor(db: None) -> None:
    request = make_request(User.objects.create_user("ann"))
    wrapped = Request(request)
    wrapped.user = request.user
    assert visitor_for(wrapped, create=True) is visitor_for(request)


def test_without_session_and_user_there_is_nobody(db: None) -> None:
    assert visitor_for(RequestFactory().get("/"), create=True) is None
    assert visitor_for(SimpleNamespace(user=AnonymousUser()), create=True) is None


@pytest.mark.parametrize("key", ["no uuid", "", 3, None])
def test_a_spoilt_session_makes_a_new_visitor(db: None, key: Any) -> None:
    request = make_request()
    request.session[SESSION_KEY] = key
    assert visitor_for(request) is None
    assert visitor_for(request, create=True) is not None


def test_a_session_cannot_claim_a_user(db: None) -> None:
    owner = Visitor.objects.create(user=User.objects.create_user("ann"))
    request = make_request()
    request.session[SESSION_KEY] = str(owner.key)
    assert visitor_for(request) is None
    assert visitor_for(request, create=True) != owner


def test_without_consent_there_is_nobody(db: None, settings: Any) -> None:
    user = User.objects.create_user("ann")
    Visitor.objects.create(user=user)
    settings.MTREC = {"CONSENT": "tests.events.test_visitors.refuse"}
    assert not consents(make_request(user))
    assert visitor_for(make_request(user), create=True) is None
    agreed = RequestFactory().get("/?cookies=yes")
    agreed.user = user
    assert consents(agreed)
    assert visitor_for(agreed) is not None


@pytest.mark.parametrize("header", ["HTTP_DNT", "HTTP_SEC_GPC"])
def test_a_browser_that_asks_not_to_be_tracked(db: None, settings: Any, header: str) -> None:
    asking = RequestFactory().get("/", **{header: "1"})
    asking.user = User.objects.create_user("ann")
    assert consents(asking)
    settings.MTREC = {"DO_NOT_TRACK": True}
    assert not consents(asking)
    assert visitor_for(asking, create=True) is None
    assert consents(RequestFactory().get("/", **{header: "0"}))
    assert consents(make_request())
    settings.MTREC = {"DO_NOT_TRACK": True, "CONSENT": "tests.events.test_visitors.refuse"}
    assert not consents(make_request())


def test_who_refused_is_still_found_where_he_asks_for_himself(db: None, settings: Any) -> None:
    request = make_request()
    guest = visitor_for(request, create=True)
    settings.MTREC = {"CONSENT": "tests.events.test_visitors.refuse"}
    assert visitor_for(request) is None
    assert find_visitor(request) == guest


def test_a_name_of_an_imported_history(db: None) -> None:
    assert visitor_by_external_id("c-17") is None
    visitor = visitor_by_external_id("c-17", create=True)
    assert visitor_by_external_id("c-17") == visitor_by_external_id("c-17", create=True) == visitor


def test_a_merge_moves_everything(db: None, django_capture_on_commit_callbacks: Any) -> None:
    product = make_product()
    guest = Visitor.objects.create(features={"country": "fr", "device": "phone"}, external_id="old")
    member = Visitor.objects.create(user=User.objects.create_user("ann"), features={"country": "be"})
    friend = Visitor.objects.create()
    track_visitor(guest, "view", product)
    track_visitor(member, "view", product)
    Recommendation.objects.create(visitor=guest, items=[], sources=[], scores=[])
    set_relation(guest, friend, weight=2)
    set_relation(friend, guest, "follows")
    set_relation(guest, member)
    set_relation(member, friend, "trusts", 3)
    heard: list[tuple[Any, Any]] = []

    def hear(sender: Any, visitor: Visitor, merged: int, **kwargs: Any) -> None:
        heard.append((visitor, merged))

    visitor_merged.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert merge(guest, member) == member
            assert heard == []
    finally:
        visitor_merged.disconnect(hear)
    assert heard == [(member, guest.pk)]
    assert not Visitor.objects.filter(pk=guest.pk).exists()
    assert Feedback.objects.filter(visitor=member).count() == 2
    assert Recommendation.objects.get().visitor == member
    ties = {(tie.visitor_id, tie.other_id, tie.kind, tie.weight) for tie in Relation.objects.all()}
    assert ties == {
        (member.pk, friend.pk, "friend", 2.0),
        (friend.pk, member.pk, "follows", 1.0),
        (member.pk, friend.pk, "trusts", 3.0),
    }
    member.refresh_from_db()
    assert member.features == {"country": "be", "device": "phone"}
    assert (member.external_id, member.created_at) == ("old", guest.created_at)


def test_a_tie_that_both_had_stays_as_the_user_had_it(db: None) -> None:
    guest, member, friend = Visitor.objects.create(), Visitor.objects.create(), Visitor.objects.create()
    set_relation(guest, friend, weight=1)
    set_relation(member, friend, weight=5)
    merge(guest, member)
    assert Relation.objects.get().weight == 5


def test_a_second_merge_does_nothing(db: None) -> None:
    guest, member = Visitor.objects.create(), Visitor.objects.create()
    assert merge(guest, member) == member
    assert merge(guest, member) == member
    assert merge(member, member) == member
    assert Visitor.objects.get() == member


def test_two_users_are_two_people(db: None) -> None:
    ann = Visitor.objects.create(user=User.objects.create_user("ann"))
    bob = Visitor.objects.create(user=User.objects.create_user("bob"))
    with pytest.raises(ValueError, match="belongs to user"):
        merge(ann, bob)
    assert Visitor.objects.count() == 2


def test_a_log_in_takes_the_guest_along(client: Any, db: None) -> None:
    user = User.objects.create_user("ann", password="pw")
    request = make_request()
    guest = visitor_for(request, create=True)
    assert guest is not None
    track_visitor(guest, "view", make_product())
    session = client.session
    session[SESSION_KEY] = str(guest.key)
    session.save()
    assert client.login(username="ann", password="pw")
    assert Feedback.objects.get().visitor == Visitor.objects.get(user=user)
    assert Visitor.objects.count() == 1


def test_a_log_in_without_a_history_makes_no_visitor(db: None) -> None:
    user = User.objects.create_user("ann")
    request = make_request()
    assert merge_at_login(request, user) is None
    request.session[SESSION_KEY] = str(uuid.uuid4())
    assert merge_at_login(request, user) is None
    assert SESSION_KEY not in request.session
    assert Visitor.objects.count() == 0


def test_a_log_in_without_consent_merges_nothing(db: None, settings: Any) -> None:
    user = User.objects.create_user("ann")
    request = make_request()
    visitor_for(request, create=True)
    settings.MTREC = {"CONSENT": "tests.events.test_visitors.refuse"}
    assert merge_at_login(request, user) is None
    assert not Visitor.objects.filter(user=user).exists()


@pytest.mark.django_db(transaction=True)
def test_events_and_merges_at_once_lose_nothing() -> None:
    """A guest clicks in many tabs while signing in twice: every stored event ends at the user."""
    product = make_product()
    member = Visitor.objects.create(user=User.objects.create_user("ann"))
    guest = Visitor.objects.create()

    def work(number: int) -> int:
        try:
            if number % 5 == 4:
                merge(guest, member)
                return 0
            return 1 if track_visitor(guest, "view", product) else 0
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        stored = sum(pool.map(work, range(40)))
    assert Feedback.objects.filter(visitor=member).count() == stored
    assert Visitor.objects.get() == member
