"""For whom a request asks. A visitor reaches his own data only; servers with the permission name whomever they want.

Views call `act` before anything else; `named` reads names, of which feedback has one an event.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError as InvalidValue
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from ..events.pseudonyms import keyed_by, names_of, pseudonym
from ..events.visitors import consents, speak_for
from ..models import Visitor
from .authentication import SignedVisitor
from .fields import PlainCharField

PERMISSION = "mtrec.act_for_visitor"
LENGTH = 255
"""Signs of an external id."""

_COLUMNS = {"user": "user_id", "external": "external_id", "key": "key"}


@dataclass(frozen=True, slots=True)
class Name:
    """How a server calls a visitor: by primary key of the user, by external id, or by the visitor's own key."""

    kind: str
    value: Any  # as its column has it


class VisitorNameField(PlainCharField):
    """`user:42`, `external:abc` or `key:<uuid>`."""

    default_error_messages = {
        "no_name": gettext_lazy("A visitor is named user:<id>, external:<id> or key:<uuid>."),
    }

    def __init__(self, **options: Any) -> None:
        words = gettext_lazy(
            "For servers with the permission to act for visitors: user:<id>, external:<id> or key:<uuid>."
        )
        super().__init__(**{"required": False, "help_text": words, **options})

    def to_internal_value(self, data: Any) -> Name:  # type: ignore[override]
        kind, _colon, value = super().to_internal_value(data).partition(":")
        sound = 0 < len(value) <= LENGTH and "\x00" not in value and kind in _COLUMNS
        cleaned = _clean(kind, value) if sound else None
        if cleaned is None:
            self.fail("no_name")
        return Name(kind, cleaned)


def may_act(request: Request) -> bool:
    """Whether the caller may name visitors."""
    user = request.user
    return bool(user and user.is_authenticated and user.has_perm(PERMISSION))


def require_acting(request: Request) -> None:
    """Raises PermissionDenied when the caller may not name visitors."""
    if not may_act(request):
        raise PermissionDenied(_("Only servers with the permission may name a visitor."))


def is_server(request: Request) -> bool:
    """Whether it is a server with a key of its own: nobody who could be recommended anything."""
    return request.auth is not None and not isinstance(request.auth, SignedVisitor) and may_act(request)


def act(request: Request, name: Name | None, *, create: bool = False) -> None:
    """Let the request be of the visitor it names; without a name a server's is of nobody.

    A visitor that is not known is nobody either, unless `create`.

    Raises:
        PermissionDenied: when the caller may not name visitors.
    """
    if name is not None:
        speak_for(request, named(request, [name], create=create and consents(request)).get(name))
    elif is_server(request):
        speak_for(request, None)


def named(request: Request, names: Sequence[Name], *, create: bool = False) -> dict[Name, Visitor]:
    """The visitors by their names, by one query a kind; with `create` those of users and of external ids are made.

    Raises:
        PermissionDenied: when the caller may not name visitors.
    """
    require_acting(request)
    found = _find(names)
    if create and (missing := [name for name in dict.fromkeys(names) if name not in found]):
        _make(missing)
        found |= _find(missing)
    return found


def _find(names: Sequence[Name]) -> dict[Name, Visitor]:
    found: dict[Name, Visitor] = {}
    for kind, column in _COLUMNS.items():
        stored = {alias: name for name in names if name.kind == kind for alias in _stored_as(name)}
        if stored:
            rows = Visitor.objects.filter(**{f"{column}__in": list(stored)})
            found |= {stored[getattr(row, column)]: row for row in rows}
    return found


def _stored_as(name: Name) -> list[Any]:
    return names_of(name.value) if name.kind == "external" else [name.value]


def _make(names: Sequence[Name]) -> None:
    """Visitors of users and of external ids; a key is made by us alone, so an unknown one stays unknown."""
    users = [name.value for name in names if name.kind == "user"]
    users = list(get_user_model()._default_manager.filter(pk__in=users).values_list("pk", flat=True)) if users else []
    external = [pseudonym(name.value) for name in names if name.kind == "external"]
    # In one order, so that two requests never wait for each other in a circle.
    rows = [Visitor(user_id=pk) for pk in sorted(users)]
    rows += [Visitor(external_id=value, keyed_by=keyed_by()) for value in sorted(external)]
    Visitor.objects.bulk_create(rows, ignore_conflicts=True)


def _clean(kind: str, value: str) -> Any:
    """The value as its column has it; None for what cannot be one."""
    try:
        if kind == "key":
            return uuid.UUID(value)
        if kind == "user":
            return get_user_model()._meta.pk.clean(value, None)
    except (InvalidValue, ValueError):
        return None
    return value
