"""Who is asking: signed-in users and anonymous sessions as visitors."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import router, transaction
from django.db.models import ForeignObjectRel, Model

from ..conf import get_config
from ..models import Feedback, Recommendation, Relation, Visitor
from ..signals import visitor_merged
from .crawlers import keeps_no_cookie, names_a_robot
from .pseudonyms import keyed_by, keys_of, names_of, pseudonym

SESSION_KEY = "mtrec_visitor"
_CACHE = "_mtrec_visitor"
_SPEAKS_FOR = "_mtrec_speaks_for"
_NOBODY = object()  # for whom the cache has not been filled yet


def visitor_for(request: Any, create: bool = False) -> Visitor | None:
    """The visitor behind a request, or None when there is none yet (and `create` is false), when the visitor did not
    consent, is a robot, or when the request has neither user nor session. Looked up once for each request.
    """
    return find_visitor(request, create) if consents(request) else None


def find_visitor(request: Any, create: bool = False) -> Visitor | None:
    """The same whatever the visitor consented to: for those who ask what is stored, or want it erased."""
    if speaks(request):
        return spoken_for(request)
    user = getattr(request, "user", None)
    user_id = user.pk if user is not None and user.is_authenticated else None
    request = getattr(request, "_request", request)  # what REST framework wraps: the session and the cache are there
    known_for, visitor = getattr(request, _CACHE, (_NOBODY, None))
    if known_for != user_id or (visitor is None and create):
        visitor = _of_user(user_id, create) if user_id is not None else _of_session(request, create)
        setattr(request, _CACHE, (user_id, visitor))
    return visitor


def consents(request: Any) -> bool:
    """Whether anything may be stored about this visitor: what `MTREC["CONSENT"]` says, yes when it is not set; no for
    a browser that asks not to be tracked, where `MTREC["DO_NOT_TRACK"]` honours it.
    """
    if get_config().DO_NOT_TRACK and asks_not_to_be_tracked(request):
        return False
    consent = get_config().consent()
    return consent is None or bool(consent(request))


def is_crawler(request: Any) -> bool:
    """Whether a robot asks, by its user agent. Whoever is signed in, or speaks for a visitor by a token, is none."""
    if get_config().CRAWLERS_COUNT or speaks(request):
        return False
    user = getattr(request, "user", None)
    return (user is None or not user.is_authenticated) and names_a_robot(request)


def asks_not_to_be_tracked(request: Any) -> bool:
    """Whether the browser sends Global Privacy Control or the older Do Not Track."""
    headers = getattr(request, "headers", {})
    return headers.get("Sec-GPC") == "1" or headers.get("DNT") == "1"


def speak_for(request: Any, visitor: Visitor | None) -> None:
    """From now on a request is of this visitor, or of nobody, whatever its user and session say: a token decided."""
    setattr(getattr(request, "_request", request), _SPEAKS_FOR, visitor)


def speaks(request: Any) -> bool:
    """Whether it was said for whom a request speaks."""
    return hasattr(getattr(request, "_request", request), _SPEAKS_FOR)


def spoken_for(request: Any) -> Visitor | None:
    """The visitor for whom a request speaks, where `speaks`."""
    found: Visitor | None = getattr(getattr(request, "_request", request), _SPEAKS_FOR)
    return found


def forget(request: Any) -> None:
    """Look the visitor up again at the next call: after a merge, or when its row is gone."""
    request = getattr(request, "_request", request)
    if hasattr(request, _CACHE):
        delattr(request, _CACHE)


def session_key(request: Any) -> uuid.UUID | None:
    """The key an anonymous visitor's session carries, when it carries a sound one."""
    session = getattr(request, "session", None)
    try:
        return uuid.UUID(str(session.get(SESSION_KEY))) if session is not None else None
    except ValueError:
        return None


def visitor_by_external_id(external_id: str, create: bool = False) -> Visitor | None:
    """The visitor an imported history knows by this name."""
    found = Visitor.objects.filter(external_id__in=names_of(external_id)).first()
    if found is not None or not create:
        return found
    return Visitor.objects.get_or_create(external_id=pseudonym(external_id), defaults={"keyed_by": keyed_by()})[0]


def merge(anonymous: Visitor, visitor: Visitor) -> Visitor:
    """Give everything an anonymous visitor did to another visitor, and delete the first. Safe twice, and twice at once.

    Raises ValueError when the first belongs to a user: two users are two people.
    """
    with transaction.atomic(using=router.db_for_write(Visitor)):
        # The lock waits for events that are being stored and holds off new ones: none is left behind.
        pair = Visitor.objects.select_for_update().filter(pk__in=[anonymous.pk, visitor.pk]).order_by("pk")
        locked = {row.pk: row for row in pair}
        old, new = locked.get(anonymous.pk), locked.get(visitor.pk)
        if old is None or new is None or old == new:
            return visitor
        if old.user_id is not None:
            raise ValueError(f"Visitor {old.pk} belongs to user {old.user_id} and is not merged into visitor {new.pk}.")
        Feedback.objects.filter(visitor=old).update(visitor=new)
        Recommendation.objects.filter(visitor=old).update(visitor=new)
        _move_relations(old, new)
        old.delete()
        new.features = {**old.features, **new.features}
        if not new.external_id:
            new.external_id, new.keyed_by = old.external_id, old.keyed_by if old.external_id else new.keyed_by
        new.created_at = min(new.created_at, old.created_at)
        new.save(update_fields=["features", "external_id", "keyed_by", "created_at"])
        merged = anonymous.pk
        transaction.on_commit(
            partial(visitor_merged.send, sender=Visitor, visitor=new, merged=merged),
            using=router.db_for_write(Visitor),
            robust=True,
        )
    return new


def merge_at_login(request: Any, user: Any) -> Visitor | None:
    """Give what the session did before it signed in to the user."""
    key = session_key(request)
    if key is None or not consents(request):
        return None
    del request.session[SESSION_KEY]
    forget(request)
    anonymous = Visitor.objects.filter(key__in=keys_of(key), user=None).first()
    return merge(anonymous, Visitor.objects.get_or_create(user=user)[0]) if anonymous else None


def references() -> list[tuple[type[Model], str]]:
    """Every model that points to a visitor, and its field: those of other apps too."""
    related = [field for field in Visitor._meta.get_fields(include_hidden=True) if field.auto_created]
    return [(each.related_model, each.field.name) for each in related if isinstance(each, ForeignObjectRel)]


def _of_user(user_id: Any, create: bool) -> Visitor | None:
    if create:
        return Visitor.objects.get_or_create(user_id=user_id)[0]
    return Visitor.objects.filter(user_id=user_id).first()


def _of_session(request: Any, create: bool) -> Visitor | None:
    session = getattr(request, "session", None)
    if session is None:
        return None
    key = session_key(request)
    visitor = Visitor.objects.filter(key__in=keys_of(key), user=None).first() if key else None
    if visitor is None and create and not is_crawler(request) and not keeps_no_cookie(request):
        token = uuid.uuid4()
        visitor = Visitor.objects.create(key=keys_of(token)[0], keyed_by=keyed_by())
        session[SESSION_KEY] = str(token)
    return visitor


def _move_relations(old: Visitor, new: Visitor) -> None:
    """Ties of the one become ties of the other; one that both had stays as the other had it, none leads to oneself."""
    mine = [(new.pk, tie.other_id, tie) for tie in old.relations.all()]
    to_me = [(tie.visitor_id, new.pk, tie) for tie in old.related_by.all()]
    _keep_relations((visitor, other, tie) for visitor, other, tie in [*mine, *to_me] if visitor != other)


def _keep_relations(ties: Iterable[tuple[int, int, Relation]]) -> None:
    moved = [Relation(visitor_id=one, other_id=two, kind=tie.kind, weight=tie.weight) for one, two, tie in ties]
    Relation.objects.bulk_create(moved, ignore_conflicts=True)
