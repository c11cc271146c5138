"""An answer and its items: what was recommended, why, and the links that tell what came of it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.db import DataError, OperationalError, ProgrammingError, router
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise

from ..catalog.registry import source_for
from ..conf import get_config
from ..models import Recommendation as Shown
from ..observing import count_shown
from ..retrieval.statement import Fragment, compose, longs, write
from . import tally
from .complaints import complain
from .cursors import MAX_SEEN, pack
from .reasons import Reason

SALT = "mtrec.click"


@dataclass(frozen=True)
class Recommendation:
    """What an object carries as `.recommendation`."""

    id: uuid.UUID  # of the answer
    item: int  # primary key of the item
    position: int  # from 0
    score: float
    scenario: str
    version: int | None
    explain: Callable[[], Reason] = field(repr=False, compare=False)
    """Finds the reason, which takes as long as a tenth of the answer, so it is asked for where it is read."""
    obj: Any = field(repr=False, compare=False)

    @cached_property
    def why(self) -> Reason:
        """What speaks for the item, as data."""
        return self.explain()

    @property
    def source(self) -> str:
        """The name of the source that speaks for it most."""
        return self.why.source

    @property
    def reason(self) -> str | Promise:
        """Why it is shown, as a sentence that is translated when it is rendered."""
        return self.why.sentence

    @property
    def because(self) -> str:
        """Title of the item of the history that the reason speaks of; empty for none."""
        return self.why.because

    def __getstate__(self) -> dict[str, Any]:
        """For a site that keeps lists in a cache: the reason, and not all that it is found from."""
        return {**self.__dict__, "why": self.why, "explain": self.why.itself}

    @property
    def url(self) -> str:
        """A link that records the click and leads to the object; the object's own where the site has no such links."""
        try:
            return reverse("mtrec:click", args=[sign(self.id, self.item, self.position)])
        except NoReverseMatch:
            return source_for(self.obj).url(self.obj)


class Answer(list[Any]):
    """The recommended objects, best first, with what the answer as a whole was."""

    def __init__(
        self,
        objects: Iterable[Any] = (),
        *,
        scenario: str,
        title: str = "",
        version: int | None = None,
        arm: str = "",
        visitor: int | None = None,
        context: int | None = None,
        consent: bool = False,
        short: bool = False,
        before: tuple[int, ...] = (),
    ) -> None:
        super().__init__(objects)
        self.id = uuid.uuid4()
        self.scenario = scenario
        """Its name; empty where none was asked."""
        self.title = title
        self.version = version
        self.arm = arm
        """The arm of an experiment that the visitor is in; empty for none."""
        self.visitor = visitor
        """Primary key of the visitor, when there is one."""
        self.context = context
        """Primary key of the item that the page is about."""
        self.consent = consent
        """Whether it may be stored that this was shown."""
        self.crawled = False
        """Whether a robot asked."""
        self.short = short
        """Whether fewer items were allowed than were asked for."""
        self.before = before
        """Primary keys of the items on the pages before this one."""

    @property
    def recommendations(self) -> list[Recommendation]:
        """What each object carries."""
        return [obj.recommendation for obj in self]

    @property
    def next(self) -> str:
        """Where the next page begins: `recommend(…, after=…)` takes it; empty where there is none."""
        shown = [*self.before, *(one.item for one in self.recommendations)]
        return "" if self.short or not self or len(shown) >= MAX_SEEN else pack(shown)


@dataclass(frozen=True, slots=True)
class Link:
    """What a signed link says."""

    answer: uuid.UUID
    item: int
    position: int
    trusted: bool  # whether the signature holds and is young enough for the click to count


def sign(answer: uuid.UUID, item: int, position: int) -> str:
    """The token of a link, some 70 signs."""
    key = base64.urlsafe_b64encode(answer.bytes).decode().rstrip("=")
    return _signer(settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS)).sign(f"{key}.{item}.{position}")


@lru_cache(2)  # to make one takes as long as to sign
def _signer(key: str | bytes, fallbacks: tuple[str | bytes, ...]) -> TimestampSigner:
    return TimestampSigner(key=key, fallback_keys=[*fallbacks], salt=SALT)


def unsign(token: str) -> Link | None:
    """What a token says, trusted or not; None when it says nothing."""
    signer = _signer(settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS))
    trusted = True
    try:
        value = signer.unsign(token, max_age=get_config().LINK_MAX_AGE)
    except SignatureExpired:
        value, trusted = signer.unsign(token), False
    except BadSignature:
        value, trusted = token.split(signer.sep)[0], False
    try:
        key, item, position = value.split(".")
        answer = uuid.UUID(bytes=base64.urlsafe_b64decode(key + "=="))
        link = Link(answer, int(item), int(position), trusted)
    except ValueError:
        return None
    return link if 0 < link.item < 2**63 and 0 <= link.position < 2**31 else None


def log_shown(answer: Answer) -> None:
    """Store what was shown, by one statement; without consent only that somebody was given a list. That it failed is no
    reason to break a page. It is counted in the metrics too.
    """
    if not answer:
        return
    count_shown(answer)
    if not get_config().LOG_SHOWN:
        return
    if answer.scenario:
        tally.note(answer.scenario, "crawled" if answer.crawled else "consented" if answer.consent else "refused")
    statements = [*([_shown(answer)] if answer.consent else []), *tally.due()]
    if not statements:
        return
    try:
        write(*statements, using=router.db_for_write(Shown), at_ease=True)
    except (OperationalError, ProgrammingError, DataError) as error:
        complain("what was shown was not stored", error)


def _shown(answer: Answer) -> Fragment:
    shown = answer.recommendations
    return compose(
        "insert into mtrec_recommendation"
        " (id, visitor_id, scenario_id, version_id, context_id, items, sources, scores, arm, created_at)"
        " select {id}::uuid, (select id from mtrec_visitor where id = {visitor}::bigint for key share),"
        " (select id from mtrec_scenario where name = {scenario}::text for key share),"
        " (select id from mtrec_modelversion where id = {version}::bigint for key share),"
        " (select id from mtrec_item where id = {context}::bigint for key share),"
        " {items}::bigint[], {sources}::varchar[], {scores}::float8[], {arm}::text, now()",
        id=answer.id,
        visitor=answer.visitor,
        scenario=answer.scenario,
        version=answer.version,
        context=answer.context,
        items=longs(one.item for one in shown),
        sources=[one.source for one in shown],
        scores=[one.score for one in shown],
        arm=answer.arm,
    )
