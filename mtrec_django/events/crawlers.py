"""Who is no visitor: robots that say so, and clients that come again and again without a cookie."""

from __future__ import annotations

from functools import cache as once
from functools import lru_cache
from typing import Any

from django.core.cache import cache
from django.utils.crypto import salted_hmac

from ..conf import get_config

HOUR = 3600


def names_a_robot(request: Any) -> bool:
    """Whether the user agent is that of a robot, by the list of the package crawlerdetect."""
    return _is_robot(_user_agent(request))


def keeps_no_cookie(request: Any) -> bool:
    """Whether a client comes again and again without any cookie.

    A first hit never has one, so some are let in, so many an hour from one address and user agent. Beyond them the
    session is marked, which sets a cookie; who brings it back is let in.
    """
    most = get_config().GUESTS_PER_HOUR
    if getattr(request, "COOKIES", None) or most <= 0 or _came_without_cookie(request) <= most:
        return False
    request.session["mtrec_cookie"] = True
    return True


def _came_without_cookie(request: Any) -> int:
    """How many such hits there were within the hour; the address is kept as a keyed hash, in the site's cache only."""
    client = f"{request.META.get('REMOTE_ADDR', '')} {_user_agent(request)}"
    key = f"mtrec.guests.{salted_hmac('mtrec.guests', client).hexdigest()[:24]}"
    cache.add(key, 0, HOUR)
    try:
        return cache.incr(key)
    except ValueError:  # it expired this very moment, or the site's cache keeps nothing
        return 1


def _user_agent(request: Any) -> str:
    return str(getattr(request, "headers", {}).get("User-Agent", ""))


@once
def _detector() -> Any:
    from crawlerdetect import CrawlerDetect

    return CrawlerDetect()


@lru_cache(maxsize=1024)
def _is_robot(user_agent: str) -> bool:
    return bool(user_agent) and bool(_detector().is_crawler(user_agent))
