"""Whom a command is about: by user, by visitor, or by session."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from ..events.pseudonyms import keys_of
from ..events.visitors import find_visitor, visitor_by_external_id
from ..models import Visitor

WAYS = ("user", "user_id", "visitor", "session")


def add_person(parser: ArgumentParser, *, required: bool = False) -> None:
    """The options by which somebody is named."""
    who = parser.add_mutually_exclusive_group(required=required)
    who.add_argument("--user", help="name of a user")
    who.add_argument("--user-id", help="primary key of a user")
    who.add_argument("--visitor", help="external id of a visitor, or the key that a browser or API client carries")
    who.add_argument("--session", help="key of a session, as in the cookie")


def names_a_person(options: Mapping[str, Any]) -> bool:
    """Whether any of the options was given."""
    return any(options[way] for way in WAYS)


def person(options: Mapping[str, Any]) -> Visitor | None:
    """The visitor who is meant; None for a user or a session without a history.

    Raises:
        CommandError: when there is no such user, visitor or session.
    """
    if options["user"] or options["user_id"]:
        return Visitor.objects.filter(user_id=_user(options)).first()
    if options["visitor"]:
        return _visitor(options["visitor"])
    return _of_session(options["session"]) if options["session"] else None


def session_called(key: str) -> SessionBase:
    """A session of the site.

    Raises:
        CommandError: when it does not exist or is over.
    """
    session: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(session_key=key)
    if not session.keys():
        raise CommandError("no such session, or it is over")
    return session


def _of_session(key: str) -> Visitor | None:
    session = session_called(key)
    if user_id := session.get(USER_KEY):
        return Visitor.objects.filter(user_id=user_id).first()
    return find_visitor(SimpleNamespace(session=session))


def _user(options: Mapping[str, Any]) -> Any:
    model = get_user_model()
    wanted = {model.USERNAME_FIELD: options["user"]} if options["user"] else {"pk": options["user_id"]}
    try:
        return model._default_manager.get(**wanted).pk
    except (model.DoesNotExist, ValueError, ValidationError) as error:
        raise CommandError(f"no user {options['user'] or options['user_id']}") from error


def _visitor(name: str) -> Visitor:
    found = visitor_by_external_id(name)
    if found is None and (key := _uuid(name)):
        found = Visitor.objects.filter(key__in=keys_of(key)).first()
    if found is None:
        raise CommandError(f"no visitor {name}")
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
