"""Robots, and whoever keeps no cookie, make no visitors."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from mtrec_django.events.tracking import track
from mtrec_django.events.visitors import is_crawler, speak_for
from mtrec_django.models import Visitor
from tests.site.making import make_product, make_request

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def hit(user_agent: str = FIREFOX, address: str = "203.0.113.7", session: Any = None) -> HttpRequest:
    """A hit without a cookie, unless it comes with the session of an earlier one."""
    request = make_request(session=session)
    request.META |= {"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": address}
    if session is not None:
        request.COOKIES["sessionid"] = "brought back"
    return request


@pytest.mark.parametrize("agent", [GOOGLEBOT, "GPTBot/1.0", "curl/8.5.0", "python-requests/2.32"])
def test_robots_are_told_by_their_user_agent(agent: str) -> None:
    assert is_crawler(hit(agent))


@pytest.mark.parametrize("agent", ["", FIREFOX])
def test_people_are_not(agent: str) -> None:
    assert not is_crawler(hit(agent))


@pytest.mark.django_db
def test_who_is_let_in_by_name_is_no_robot() -> None:
    request = hit("python-requests/2.32")
    request.user = get_user_model().objects.create(username="backend")
    assert not is_crawler(request)
    spoken = hit("python-requests/2.32")
    speak_for(spoken, Visitor())
    assert not is_crawler(spoken)


@pytest.mark.django_db
def test_a_robot_leaves_nothing(settings: Any) -> None:
    product = make_product()
    assert track(hit(GOOGLEBOT), "view", product) is None
    assert not Visitor.objects.exists()
    settings.MTREC = {"CRAWLERS_COUNT": True}
    assert track(hit(GOOGLEBOT), "view", product) is not None


@pytest.mark.django_db
def test_a_client_that_keeps_no_cookies_does_not_make_a_visitor_a_hit(settings: Any) -> None:
    settings.MTREC = {"GUESTS_PER_HOUR": 3}
    product = make_product()
    stored = [track(hit(), "view", product) for _ in range(10)]
    assert [feedback is not None for feedback in stored] == [True] * 3 + [False] * 7
    assert Visitor.objects.count() == 3
    assert track(hit(address="203.0.113.8"), "view", product) is not None  # somebody else


@pytest.mark.django_db
def test_who_brings_the_cookie_back_is_let_in(settings: Any) -> None:
    settings.MTREC = {"GUESTS_PER_HOUR": 1}
    product = make_product()
    track(hit(), "view", product)
    first = hit()
    assert track(first, "view", product) is None
    assert first.session.modified  # so that a cookie is set
    assert track(hit(session=first.session), "view", product) is not None


@pytest.mark.django_db
def test_without_a_limit_everybody_is_let_in(settings: Any) -> None:
    settings.MTREC = {"GUESTS_PER_HOUR": 0}
    product = make_product()
    assert all(track(hit(), "view", product) for _ in range(3))
