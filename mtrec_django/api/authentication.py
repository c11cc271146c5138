"""Who calls: whoever shows a signed visitor token, whoever the site's own authentication knows, or a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ..events.tokens import visitor_of
from ..events.visitors import speak_for
from ..models import Visitor

SCHEME = "Visitor"
FIELD = "token"
"""Where a beacon, which cannot set a header, carries it in the body."""


@dataclass(frozen=True, slots=True)
class SignedVisitor:
    """What `request.auth` is for whoever showed a token: the right to be one visitor, and no user of the site."""

    visitor: Visitor


class VisitorTokenAuthentication(BaseAuthentication):
    """`Authorization: Visitor <token>`, or `token` beside the events in the body."""

    def authenticate(self, request: Request) -> tuple[Any, SignedVisitor] | None:
        token = _of_header(request) or _of_body(request)
        if not token:
            return None
        visitor = visitor_of(token)
        if visitor is None:
            raise AuthenticationFailed(_("The visitor token is not valid, or too old."))
        speak_for(request, visitor)
        return AnonymousUser(), SignedVisitor(visitor)

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class SameOriginSessionAuthentication(SessionAuthentication):
    """The session, with its CSRF check unless the browser itself says that the request comes from this very origin.

    `Sec-Fetch-Site` is set by the browser and no script can change it; so beacons, which cannot carry the CSRF token,
    are understood. Where it is missing (old browsers, plain http) the token is needed.
    """

    def enforce_csrf(self, request: Any) -> None:
        if request.headers.get("Sec-Fetch-Site") != "same-origin":
            super().enforce_csrf(request)


class VisitorTokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes visitor tokens."""

    target_class = VisitorTokenAuthentication
    name = "visitorToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`{SCHEME} <token>`: a signed visitor token, from the site's pages or from `tokens/`.",
        }


class SameOriginSessionScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes sessions."""

    target_class = SameOriginSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        from django.conf import settings

        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def _of_header(request: Request) -> str:
    parts = get_authorization_header(request).decode("latin-1").split()
    if not parts or parts[0].lower() != SCHEME.lower():
        return ""
    if len(parts) != 2:
        raise AuthenticationFailed(_("A visitor token is one word."))
    return parts[1]


def _of_body(request: Request) -> str:
    if request.method != "POST" or not isinstance(request.data, dict):
        return ""
    token = request.data.get(FIELD)
    return token if isinstance(token, str) else ""
