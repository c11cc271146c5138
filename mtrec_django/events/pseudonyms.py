"""Names that visitors go by, stored as keyed hashes: who reads the tables alone does not learn whose they are.

The secrets of `MTREC["VISITOR_KEYS"]` are applied one upon the other, the oldest first. So what is stored under the
older ones comes under a new one by one more step, without the name, and from then on the older ones tell nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from django.db.models import Q, QuerySet

from ..conf import get_config
from ..models import Visitor

CHUNK = 1000


def names_of(name: str) -> list[str]:
    """All that a name may be stored as, the newest first; the name itself, where it was stored without a secret."""
    found = [name]
    for secret in reversed(get_config().VISITOR_KEYS):
        found.append(_step(secret, found[-1]))
    return found[::-1]


def pseudonym(name: str) -> str:
    """What a name is stored as: itself without secrets, else 32 hexadecimal signs."""
    return names_of(name)[0]


def keys_of(token: UUID) -> list[UUID]:
    """All that the key which a browser carries may be stored as, the newest first."""
    return [UUID(hex=name) for name in names_of(token.hex)]


def lasting(name: str) -> str:
    """What stands for a name in the keys of its events: under the oldest secret, so that a new one changes no event."""
    secrets = get_config().VISITOR_KEYS
    return _step(secrets[-1], name) if secrets else name


def keyed_by() -> str:
    """Names the newest secret; empty without one."""
    secrets = get_config().VISITOR_KEYS
    return _mark(secrets[0]) if secrets else ""


def rekey() -> int:
    """Bring every guest's key and every external id under the newest secret; how many were not. Safe to repeat."""
    newest, changed = keyed_by(), 0
    if not newest:
        return 0
    while rows := list(outdated().order_by("pk")[:CHUNK]):
        for row in rows:
            _rekey(row, newest)
        changed += len(rows)
    return changed


def outdated() -> QuerySet[Visitor]:
    """Visitors that are not stored under the newest secret, but under one on the list, or under none."""
    older = ["", *map(_mark, get_config().VISITOR_KEYS[1:])]
    named = Q(external_id__isnull=False) | Q(user__isnull=True)
    return Visitor.objects.filter(named, keyed_by__in=older)


def lost() -> QuerySet[Visitor]:
    """Visitors stored under a secret that is on the list no more: nobody can find them by their name."""
    marks = ["", *map(_mark, get_config().VISITOR_KEYS)]
    return Visitor.objects.exclude(keyed_by__in=marks)


def _rekey(row: Visitor, newest: str) -> None:
    """One visitor, if nobody else was faster. A guest's key alone: nobody presents that of a user or of a name."""
    secrets = list(reversed(get_config().VISITOR_KEYS))
    left = secrets[[_mark(secret) for secret in secrets].index(row.keyed_by) + 1 :] if row.keyed_by else secrets
    name = row.external_id or row.key.hex
    for secret in left:
        name = _step(secret, name)
    changes = {"external_id": name} if row.external_id else {"key": UUID(hex=name)}
    Visitor.objects.filter(pk=row.pk, keyed_by=row.keyed_by).update(keyed_by=newest, **changes)


def _step(secret: str, name: str) -> str:
    return hmac.new(secret.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]


def _mark(secret: str) -> str:
    return _step(secret, "mtrec.visitor")[:8]
