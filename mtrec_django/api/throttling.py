"""Throttles with rates of their own, so that they work in a site that has set none."""

from __future__ import annotations

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle
from rest_framework.views import APIView

from . import limits
from .acting import is_server
from .authentication import SignedVisitor


class MtrecThrottle(SimpleRateThrottle):
    """So many requests of a caller: a signed visitor, a user (so a server's key too), or else an address.

    A session or a guest's token costs an attacker nothing, so an address has a limit too, for all its guests together.
    """

    scope = ""
    default_rate = ""

    def get_rate(self) -> str | None:
        """The site's rate for the scope, even None (no limit), or else ours."""
        rates = api_settings.DEFAULT_THROTTLE_RATES
        return cast("str | None", rates.get(self.scope, self.default_rate))

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """One counter a caller, in each scope."""
        return self.cache_format % {"scope": self.scope, "ident": self.caller(request)}

    def caller(self, request: Request) -> str:
        """Whose requests are counted together."""
        if isinstance(request.auth, SignedVisitor):
            return f"visitor-{request.auth.visitor.pk}"
        user = request.user
        return f"user-{user.pk}" if user and user.is_authenticated else self.get_ident(request)


class ReadThrottle(MtrecThrottle):
    """Of everything that is only read."""

    scope = "mtrec-read"
    default_rate = limits.READ_RATE


class FeedbackThrottle(MtrecThrottle):
    """Of events."""

    scope = "mtrec-feedback"
    default_rate = limits.FEEDBACK_RATE


class TokenThrottle(MtrecThrottle):
    """Of new tokens."""

    scope = "mtrec-token"
    default_rate = limits.HAND_OUT_RATE


class PrivacyThrottle(MtrecThrottle):
    """Of exports and erasures."""

    scope = "mtrec-privacy"
    default_rate = limits.PRIVACY_RATE


class ServerThrottle(MtrecThrottle):
    """Of servers, each by its key's user, whatever they ask."""

    scope = "mtrec-server"
    default_rate = limits.SERVER_RATE


class AddressThrottle(MtrecThrottle):
    """Of all signed visitors at one address."""

    scope = "mtrec-address"
    default_rate = limits.ADDRESS_RATE

    def caller(self, request: Request) -> str:
        return self.get_ident(request)


def throttles(request: Request, own: list[Any]) -> list[BaseThrottle]:
    """Those that count for a caller: a server has one limit for everything, a signed visitor one more."""
    if is_server(request):
        return [ServerThrottle()]
    return [*own, AddressThrottle()] if isinstance(request.auth, SignedVisitor) else own
