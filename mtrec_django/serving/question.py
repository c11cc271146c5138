"""One question: who asks, where, for what; and what the first query tells about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from ..catalog.registry import source_for
from ..retrieval import store
from ..retrieval.filters import Allowed, Keys, is_narrow, keys_of, probe
from ..retrieval.policy import Policy
from ..retrieval.statement import Fragment, Rows, read
from . import live as live_state
from .live import Live
from .query import History, OnPage, had, identity, last_events

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
    similar: bool = False
    """Whether only the object on the page counts, not who asks."""
    only: str = ""
    """The label of the one item source that may answer, where the scenario does not say."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the scenario's policy that are other than it says, see `retrieval.policy.read_options`."""
    identity: str = ""
    """What an experiment puts the visitor into an arm by."""

    @cached_property
    def keys(self) -> Keys | None:
        """What the caller's queryset holds."""
        return keys_of(self.queryset, store.database()) if self.queryset is not None else None

    def policy(self, live: Live) -> Policy:
        """The candidate sources and rules in force."""
        return replace(live.policy, **self.changes) if self.changes else live.policy

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
    narrow: bool = False
    """Whether the caller's queryset keeps so little that it is best listed first."""

    def query(self, *, similar: bool) -> Floats | None:
        """What candidates should be near to. [dim]"""
        if not similar:
            return self.history.encode(self.live.encoder) if self.live.encoder else None
        vector = self.on_page.vector if self.on_page else None
        return vector if vector is not None and np.isfinite(vector).all() else None

    def allowed(
        self, question: Question, keys: Sequence[Keys], *, flagged: bool, beside: Iterable[int] = ()
    ) -> Allowed:
        """Which items may be in the answer; `beside` are items it holds already."""
        out = [*question.exclude, *([question.on_page] if question.on_page else [])]
        objects: dict[str, tuple[str, ...]] = {}
        for one in out:
            objects[one.label] = (*objects.get(one.label, ()), one.object_id)
        return Allowed(question.labels(self.live), (*self.seen, *beside), objects, tuple(keys), flagged)


def ask_visitor(question: Question, live: Live) -> Known:
    """Read what the visitor did, in one round trip, with whatever news of versions there is.

    Raises:
        DatabaseError: when the version's tables cannot be read.
    """
    asked = _statements(question, live)
    news = live_state.poll()
    if not asked and not news:
        return Known(live)
    rows = read([*asked.values(), *news], using=store.database())
    if news:
        live = _again(live_state.hear(rows.pop()), live, question.identity)
        if (again := _statements(question, live)) != asked:  # another version since: never mix the two
            asked, rows = again, read([*again.values()], using=store.database()) if again else []
    return _known(question, live, dict(zip(asked, rows, strict=True)))


def _again(state: live_state.State, live: Live, identity: str) -> Live:
    """The same place by the news, in the visitor's arm."""
    place = state.scenarios.get(live.scenario.name)
    return place.of(identity) if place else live


def without_version(live: Live) -> Live:
    """The same place, served from counts."""
    return replace(live, version_id=None, base=None, encoder=None, blend=None)


def _statements(question: Question, live: Live) -> dict[str, Fragment]:
    base_id = live.base.id if live.base else None
    asked: dict[str, Fragment] = {}
    if question.visitor is not None:
        asked["visitor"] = identity(question.visitor)
        if base_id is not None:
            asked["history"] = last_events(question.visitor, base_id)
        if live.exclude:
            asked["seen"] = had(question.visitor, live.exclude)
    if question.on_page is not None:
        asked["on_page"] = question.on_page.select(base_id)
    if question.keys is not None and live.base is not None and not question.keys.fixed:
        asked["held"] = probe([question.keys], live.base.sample.get(question.keys.label, ()))
    return asked


def _known(question: Question, live: Live, rows: dict[str, Rows]) -> Known:
    history = History.from_rows(rows.get("history", []), live.scenario.pk)
    on_page = question.on_page.told(rows["on_page"]) if question.on_page else None
    if on_page and on_page.id is not None and on_page.vector is not None:
        history = history.after_viewing(on_page.id, on_page.title, on_page.vector)
    narrow = question.keys is not None and question.keys.fixed
    if question.keys is not None and live.base is not None and "held" in rows:
        tried = len(live.base.sample.get(question.keys.label, ()))
        narrow = is_narrow(rows["held"][0][0], tried, live.base.items)
    visitor = rows["visitor"][0][0] if "visitor" in rows else None
    return Known(live, visitor, history, tuple(item for (item,) in rows.get("seen", ())), on_page, narrow)
