"""One question: who asks, where, for what; and what the first query tells about it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from ..catalog.registry import source_for
from ..retrieval import store
from ..retrieval.collections import keys_in
from ..retrieval.filters import Allowed, Keys, keys_of
from ..retrieval.policy import Place, Policy
from ..retrieval.selectivity import Sample, is_narrow, known_share, probe, read_share
from ..retrieval.statement import Fragment, Rows, compose, read
from . import live as live_state
from . import profile
from .budget import Budget
from .live import Live
from .pinning import in_force
from .query import History, OnPage, had, identity, last_events, pk_of, shown_in_vain

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Question:
    """What is asked."""

    live: Live
    n: int
    visitor: Fragment | None = None  # primary key, as SQL
    queryset: QuerySet[Any] | None = None
    on_page: OnPage | None = None
    exclude: tuple[OnPage, ...] = ()
    without: tuple[QuerySet[Any], ...] = ()
    """What is not to be shown, beside the single objects of `exclude`."""
    shown: tuple[int, ...] = ()
    """Items on the pages before this one."""
    similar: bool = False
    """Whether only the object on the page counts, not who asks."""
    only: str = ""
    """The label of the one item source that may answer, where the scenario does not say."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the scenario's policy that are other than it says, see `retrieval.policy.read_options`."""
    identity: str = ""
    """What an experiment puts the visitor into an arm by."""
    fixed: bool = False
    """Whether it is asked of this very version, whatever is live."""
    until: datetime | None = None
    """The moment as of which the visitor is known; None is now."""
    budget: Budget = field(default_factory=Budget.begin)

    @cached_property
    def keys(self) -> Keys | None:
        """What the caller's queryset holds."""
        return keys_of(self.queryset, store.database()) if self.queryset is not None else None

    @property
    def left_out(self) -> list[OnPage]:
        """Single objects that may not be shown."""
        return [*self.exclude, *([self.on_page] if self.on_page else [])]

    def hidden(self, live: Live) -> tuple[Keys, ...]:
        """What the rules and the caller hide."""
        collections = (*self.policy(live).hide, *self.without)
        return keys_in(collections, store.database()) if collections else ()

    def policy(self, live: Live) -> Policy:
        """The candidate sources and rules in force."""
        return replace(live.policy, **self.changes) if self.changes else live.policy

    def width(self, live: Live) -> int:
        """Bytes of what is written on each item that are compared."""
        return 0 if self.similar else live.width

    def labels(self, live: Live) -> tuple[str, ...]:
        """The item sources that may answer.

        Raises:
            ValueError: when the queryset is of a model that the scenario does not show.
        """
        if self.queryset is None:
            return (self.only,) if self.only else live.labels
        label = source_for(self.queryset.model).label
        if label not in live.labels:
            raise ValueError(f"Scenario {live.scenario.name!r} shows {sorted(live.labels)}, not {label}.")
        return (label,)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a question before candidates are sought."""

    live: Live
    visitor: int | None = None
    history: History = field(default_factory=History)
    seen: tuple[int, ...] = ()
    on_page: OnPage | None = None
    share: float = 1.0
    """About how much of the catalogue the caller's queryset keeps."""
    narrow: bool = False
    """Whether that is so little that it is best listed first."""
    pins: tuple[Place, ...] = ()
    """Those that may be shown: a pin says where an item stands, and never that it may."""
    ignored: Mapping[int, int] = field(default_factory=dict)
    """Items that were shown of late and not met since, and how often."""
    about: Floats | None = None
    """What is known of the visitor besides his events. [dim]"""

    @property
    def met_on_page(self) -> bool:
        """Whether the first of the history is the item on the page."""
        return self.on_page is not None and self.on_page.id is not None and self.history.items[:1] == (self.on_page.id,)

    def query(self, *, similar: bool) -> Floats | None:
        """What candidates should be near to. [dim]"""
        if not similar:
            return self.history.encode(self.live.encoder, self.about) if self.live.encoder else None
        vector = self.on_page.vector if self.on_page else None
        return vector if vector is not None and np.isfinite(vector).all() else None

    def pulls(self, *, similar: bool) -> Floats:
        """How far each event of the history moves that vector. [events, dim]"""
        if similar or self.live.encoder is None:
            return self.history.vectors
        return self.history.pulls(self.live.encoder, self.about)

    def allowed(
        self, question: Question, keys: Sequence[Keys], *, flagged: bool, beside: Iterable[int] = ()
    ) -> Allowed:
        """Which items may be in the answer; `beside` are items it holds already."""
        objects: dict[str, tuple[str, ...]] = {}
        for one in question.left_out:
            objects[one.label] = (*objects.get(one.label, ()), one.object_id)
        out = (*self.seen, *question.shown, *beside)
        return Allowed(question.labels(self.live), out, objects, tuple(keys), question.hidden(self.live), flagged)


def ask_visitor(question: Question, live: Live) -> Known:
    """Read what the visitor did, in one round trip, with whatever news of versions there is.

    Raises:
        DatabaseError: when the version's tables cannot be read.
    """
    asked = _statements(question, live)
    news = [] if question.fixed else live_state.poll()
    if not asked and not news:
        return _known(question, live, {})
    settings = question.budget.for_the_best
    prepared = not news and not asked.keys() & {"held", "pins"}  # which ask a site's own querysets
    rows = read([*asked.values(), *news], using=store.database(), settings=settings, again=prepared)
    if news:
        live = _again(live_state.hear(rows.pop()), live, question.identity)
        if (again := _statements(question, live)) != asked:  # another version since: never mix the two
            asked = again
            rows = read([*asked.values()], using=store.database(), settings=settings) if asked else []
    return _known(question, live, dict(zip(asked, rows, strict=True)))


def _again(state: live_state.State, live: Live, identity: str) -> Live:
    """The same place by the news, in the visitor's arm."""
    place = state.scenarios.get(live.scenario.name)
    return place.of(identity) if place else live


def without_version(live: Live) -> Live:
    """The same place, served from counts."""
    return replace(live, version_id=None, base=None, encoder=None, blend=None)


def _statements(question: Question, live: Live) -> dict[str, Fragment]:
    base_id, width = live.base.id if live.base else None, question.width(live)
    asked: dict[str, Fragment] = {}
    if question.visitor is not None:
        if pk_of(question.visitor) is None:
            asked["visitor"] = identity(question.visitor)
        if base_id is not None:
            asked["history"] = last_events(question.visitor, base_id, question.until, width)
        asked["seen"] = had(question.visitor, live.exclude, live.refused, question.until)
        asked |= profile.statements(question.visitor, live.encoder, base_id, question.until)
    if question.on_page is not None:
        asked["on_page"] = question.on_page.select(base_id, width)
    policy = question.policy(live)
    if policy.rotation and question.visitor is not None and live.scenario.pk and question.until is None:
        asked["ignored"] = shown_in_vain(question.visitor, live.scenario.pk, policy.rotation.hours)
    if policy.pins and (allowed := _pins_allowed(question, live)):
        asked["pins"] = allowed
    if live.base is not None and (tried := _to_try(question, live.base.id)):
        asked["held"] = probe(tried, live.base.sample.get(tried.label, Sample()))
    return asked


def _known(question: Question, live: Live, rows: dict[str, Rows]) -> Known:
    width = question.width(live)
    history = History.from_rows(rows.get("history", []), live.scenario.pk, live.low, width)
    on_page = question.on_page.told(rows["on_page"], width) if question.on_page else None
    if on_page and on_page.id is not None and on_page.vector is not None:
        history = history.after_viewing(on_page.id, on_page.title, on_page.vector, on_page.neighbours, on_page.text)
    visitor = rows["visitor"][0][0] if "visitor" in rows else pk_of(question.visitor)
    seen = tuple(item for (item,) in rows.get("seen", ()))
    share, narrow = _kept(question, live, rows.get("held"))
    pins = _pins(question, live, seen, rows.get("pins"))
    ignored: dict[int, int] = dict(rows.get("ignored", ()))
    about = profile.about(live.encoder, rows)
    return Known(live, visitor, history, seen, on_page, share, narrow, pins, ignored, about)


def _to_try(question: Question, base_id: int) -> Keys | None:
    """The caller's queryset where it is not known how much it keeps."""
    keys = question.keys
    return keys if keys is not None and not keys.fixed and known_share(keys, base_id) is None else None


def _kept(question: Question, live: Live, held: Rows | None) -> tuple[float, bool]:
    """The share of the catalogue that the caller's queryset keeps, and whether it is narrow."""
    if question.keys is None:
        return 1.0, False
    if question.keys.fixed or live.base is None:
        return 0.0, question.keys.fixed
    if held is None:
        share = known_share(question.keys, live.base.id) or 0.0
    else:
        sample = live.base.sample.get(question.keys.label, Sample())
        share = read_share(held, question.keys, sample, live.base.id)
    can_be_tried = question.keys.can_be_tried and not question.hidden(live)
    return share, is_narrow(share, live.base.items, lists=bool(live.base.lists) and can_be_tried)


def _pins_allowed(question: Question, live: Live) -> Fragment | None:
    """Which pins the querysets allow; None where there are none to ask."""
    pins, hidden = question.policy(live).pins, question.hidden(live)
    if not hidden and question.keys is None:
        return None
    keys = (question.keys,) if question.keys else ()
    return compose(
        "select v.item_id from unnest({items}::bigint[], {labels}::text[], {ids}::text[], {keys}::bigint[])"
        " as v(item_id, source, object_id, object_key) where {allowed}",
        items=[pin.item for pin in pins],
        labels=[pin.label for pin in pins],
        ids=[pin.object_id for pin in pins],
        keys=[pin.object_key for pin in pins],
        allowed=Allowed(keys=keys, without=hidden, flagged=False).where(narrow=False),
    )


def _pins(question: Question, live: Live, seen: Sequence[int], allowed: Rows | None) -> tuple[Place, ...]:
    """The pins in force that nothing else forbids."""
    pins = question.policy(live).pins
    if not pins or question.similar:
        return ()
    now, labels, out = time.time(), question.labels(live), {*seen, *question.shown}
    names = {(one.label, one.object_id) for one in question.left_out}
    if allowed is not None:
        held = {item for (item,) in allowed}
        pins = tuple(pin for pin in pins if pin.item in held)
    return tuple(
        pin for pin in in_force(pins, now) if pin.label in labels and pin.item not in out and pin.name not in names
    )
