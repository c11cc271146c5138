"""Signed visitor tokens: what a site hands to a script or an app, so that it speaks for one visitor and no other."""

from __future__ import annotations

from typing import Any

from django.core.signing import BadSignature, TimestampSigner

from ..conf import get_config
from ..models import Visitor
from .visitors import visitor_for

SALT = "mtrec.visitor"


def visitor_token(request: Any) -> str:
    """A token of the visitor behind a request, who is made where there is none yet; empty where nothing may be stored.

    Whoever holds it sees that visitor's recommendations and stores events as that visitor, for
    `MTREC["VISITOR_TOKEN_MAX_AGE"]` seconds; it signs nobody in. Never put it into a page that is cached for others.
    """
    visitor = visitor_for(request, create=True)
    return sign(visitor) if visitor else ""


def sign(visitor: Visitor) -> str:
    """The token of a visitor: some 50 signs, safe in addresses and headers."""
    return TimestampSigner(salt=SALT).sign(str(visitor.pk))


def visitor_of(token: str) -> Visitor | None:
    """The visitor a token speaks for; None when it is forged, too old, or of a visitor that is no more."""
    try:
        pk = int(TimestampSigner(salt=SALT).unsign(token, max_age=get_config().VISITOR_TOKEN_MAX_AGE))
    except (BadSignature, ValueError):
        return None
    return Visitor.objects.filter(pk=pk).first()
