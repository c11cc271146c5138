"""Throttles with rates of their own, so that they work in a site that has set none."""

from __future__ import annotations

from typing import cast

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from . import limits


class MtrecThrottle(SimpleRateThrottle):
    """So many requests a user, or an address where nobody is signed in: a session costs an attacker nothing."""

    scope = ""
    default_rate = ""

    def get_rate(self) -> str | None:
        """The site's rate for the scope, even None (no limit), or else ours."""
        rates = api_settings.DEFAULT_THROTTLE_RATES
        return cast("str | None", rates.get(self.scope, self.default_rate))

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """One counter a user or address, in each scope."""
        user = request.user
        ident = f"user-{user.pk}" if user and user.is_authenticated else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": ident}


class ReadThrottle(MtrecThrottle):
    """Of everything that is only read."""

    scope = "mtrec-read"
    default_rate = limits.READ_RATE


class FeedbackThrottle(MtrecThrottle):
    """Of events."""

    scope = "mtrec-feedback"
    default_rate = limits.FEEDBACK_RATE
