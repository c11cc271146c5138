"""Who asks and what they did last: read in one go, and made one query vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import Model

from ..catalog.registry import source_for
from ..conf import DIM, HISTORY_LENGTH
from ..events.pseudonyms import keys_of
from ..events.visitors import consents, session_key, speaks, spoken_for
from ..inference.polarity import SILENT, heard, says_no
from ..inference.query import QueryEncoder
from ..inference.texts import unpack as unpack_texts
from ..models import Visitor
from ..retrieval import store
from ..retrieval.statement import Fragment, Rows, compose, join, literal

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class History:
    """The last events, most recent first."""

    items: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    ages: tuple[float, ...] = ()  # seconds
    here: tuple[bool, ...] = ()  # whether it happened in this scenario
    vectors: Floats = field(default_factory=lambda: np.empty((0, DIM), np.float32))  # [events, dim], NaN where unknown
    neighbours: tuple[bytes | None, ...] = ()  # packed, None where there are none
    texts: Floats | None = None  # [events, width], NaN where nothing is written; None where nothing is compared by it

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def from_rows(cls, rows: Rows, scenario_id: int | None, low: Mapping[str, float], width: int = 0) -> History:
        """The rows of `last_events`; `low` is up to which value each kind says no."""
        if not rows:
            return cls()
        items, kinds, values, titles, ages, places, vectors, neighbours, *written = zip(*rows, strict=True)
        kinds = tuple(heard(kind, value, low) for kind, value in zip(kinds, values, strict=True))
        here = tuple(place == scenario_id for place in places)
        texts = unpack_texts(b"".join(written[0]), width) if width else None
        return cls(items, kinds, titles, ages, here, store.unpack(vectors), neighbours, texts)

    def after_viewing(
        self, item: int, title: str, vector: Floats, neighbours: bytes | None = None, text: Floats | None = None
    ) -> History:
        """The same with the item on the page as what was viewed last; `text` where texts are compared. [width]"""
        if self.items[:1] == (item,):
            return self
        texts = None
        if text is not None:
            texts = text[None, :]
            texts = texts if self.texts is None else np.concatenate([texts, self.texts[: HISTORY_LENGTH - 1]])
        return History(
            (item, *self.items[: HISTORY_LENGTH - 1]),
            ("view", *self.kinds[: HISTORY_LENGTH - 1]),
            (title, *self.titles[: HISTORY_LENGTH - 1]),
            (0.0, *self.ages[: HISTORY_LENGTH - 1]),
            (True, *self.here[: HISTORY_LENGTH - 1]),
            np.concatenate([vector[None, :], self.vectors[: HISTORY_LENGTH - 1]]),
            (neighbours, *self.neighbours[: HISTORY_LENGTH - 1]),
            texts,
        )

    def encode(self, encoder: QueryEncoder, visitor: Floats | None = None) -> Floats:
        """The query vector; what the version does not know is passed over: items, and kinds that say no. [dim]

        `visitor` is what `QueryEncoder.about` says of who asks. [dim]
        """
        _known, told = self._heard_by(encoder)
        return encoder.encode(*told, visitor)

    def pulls(self, encoder: QueryEncoder, visitor: Floats | None = None) -> Floats:
        """How far each event moves that vector, see `QueryEncoder.pulls`; 0 for what is passed over. [events, dim]"""
        known, told = self._heard_by(encoder)
        moved = np.zeros((len(self), encoder.dim), np.float32)
        moved[known] = encoder.pulls(*told, visitor)
        return moved

    def _heard_by(self, encoder: QueryEncoder) -> tuple[npt.NDArray[np.int64], tuple[Floats, Any, Any, Any]]:
        """Which events the version knows, and what it reads of them."""
        kinds = encoder.kind_codes(self.kinds)
        deaf = (kinds < 0) & np.fromiter(map(says_no, self.kinds), np.bool_, len(self))
        known = np.flatnonzero(np.isfinite(self.vectors).all(axis=1) & ~deaf)
        ages, here = np.array(self.ages)[known], np.array(self.here)[known]
        return known, (self.vectors[known], kinds[known], ages, here)


@dataclass(frozen=True, slots=True)
class OnPage:
    """The item that the page is about."""

    label: str
    object_id: str
    id: int | None = None
    title: str = ""
    vector: Floats | None = None  # [dim]
    neighbours: bytes | None = None
    text: Floats | None = None  # [width], where texts are compared

    @classmethod
    def of(cls, obj: Model) -> OnPage:
        """Raises NotRegistered for an object whose model is no item source."""
        return cls(source_for(obj).label, str(obj.pk))

    def select(self, base_id: int | None, width: int = 0) -> Fragment:
        """The statement that `told` reads."""
        placed, joined = _placed("i.id", base_id, width)
        return compose(
            "select i.id, i.title, {placed} from mtrec_item as i {joined}"
            " where i.source = {label} and i.object_id = {id}",
            placed=placed,
            joined=joined,
            label=self.label,
            id=self.object_id,
        )

    def told(self, rows: Rows, width: int = 0) -> OnPage:
        """With what the database knows of it."""
        if not rows:
            return self
        pk, title, vector, neighbours, *written = rows[0]
        text = unpack_texts(written[0], width)[0] if width else None
        return replace(self, id=pk, title=title, vector=store.unpack([vector])[0], neighbours=neighbours, text=text)


def who(request: Any) -> Fragment | None:
    """The visitor's primary key as SQL, so that finding it takes no query of its own; None without consent."""
    if request is None or not consents(request):
        return None
    if speaks(request):
        return known(spoken_for(request))
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return compose("(select id from mtrec_visitor where user_id = {user})", user=user.pk)
    if key := session_key(request):
        return compose("(select id from mtrec_visitor where key = any({keys}) and user_id is null)", keys=keys_of(key))
    return None


def known(visitor: Visitor | None) -> Fragment | None:
    """The same for a visitor who is known already."""
    return Fragment(_PK, (visitor.pk,)) if visitor is not None else None


_PK = "%s::bigint"


def pk_of(visitor: Fragment | None) -> int | None:
    """The primary key of a visitor who is known already."""
    return visitor.params[0] if visitor is not None and visitor.text == _PK else None


def identity(visitor: Fragment) -> Fragment:
    """SELECT of the visitor's primary key."""
    return compose("select {visitor}", visitor=visitor)


def last_events(visitor: Fragment, base_id: int | None, until: datetime | None = None, width: int = 0) -> Fragment:
    """SELECT of the history as of a moment, with what a base version knows of its items; with a width, what is written
    on them too, so many bytes each."""
    placed, joined = _placed("f.item_id", base_id, width)
    return compose(
        "select f.item_id, f.kind, f.value, i.title, greatest(0, extract(epoch from {moment} - f.time))::float8,"
        " f.scenario_id, {placed} from (select id, item_id, kind, value, time, scenario_id from mtrec_feedback"
        " where visitor_id = {visitor} and kind <> {silent}{before} order by time desc, id desc limit {length}) as f"
        " join mtrec_item as i on i.id = f.item_id {joined}"
        " order by f.time desc, f.id desc",
        placed=placed,
        moment=compose("{until}::timestamptz", until=until) if until else Fragment("now()"),
        visitor=visitor,
        silent=SILENT,
        before=earlier(until),
        length=literal(HISTORY_LENGTH),
        joined=joined,
    )


def had(visitor: Fragment, kinds: Sequence[str], low: Mapping[str, float], until: datetime | None = None) -> Fragment:
    """SELECT of every item the visitor had such an event on as of a moment, or one with so low a value."""
    return compose(
        "select distinct item_id from mtrec_feedback where visitor_id = {visitor} and {is_such}{before}",
        visitor=visitor,
        is_such=is_such(kinds, low),
        before=earlier(until),
    )


def is_such(kinds: Sequence[str], low: Mapping[str, float]) -> Fragment:
    """Whether an event is of one of these kinds, or of one with a value that is so low."""
    bounds = [
        compose(" or kind = {kind} and value <= {bound}", kind=kind, bound=float(bound)) for kind, bound in low.items()
    ]
    return compose("(kind = any({kinds}::text[]){bounds})", kinds=list(kinds), bounds=join("", bounds))


def earlier(until: datetime | None) -> Fragment:
    """A condition on events as of a moment."""
    return compose(" and time < {until}", until=until) if until else Fragment("")


ANSWERS = 50
"""The last so many lists count for what was shown in vain."""


def shown_in_vain(visitor: Fragment, scenario_id: int, hours: float) -> Fragment:
    """SELECT of every item that a scenario showed to the visitor of late and that he has not met since; how often."""
    return compose(
        "select r.item_id, count(*) from (select unnest(items) as item_id, created_at from (select items, created_at"
        " from mtrec_recommendation where visitor_id = {visitor} and scenario_id = {scenario}"
        " and created_at > now() - {hours} * interval '1 hour' order by created_at desc limit {answers}) as a) as r"
        " where not exists (select from mtrec_feedback as f where f.visitor_id = {visitor} and f.item_id = r.item_id"
        " and f.time >= r.created_at and f.kind <> {silent}) group by r.item_id",
        visitor=visitor,
        scenario=scenario_id,
        hours=hours,
        answers=literal(ANSWERS),
        silent=SILENT,
    )


def _placed(item: str, base_id: int | None, width: int) -> tuple[Fragment, Fragment]:
    """Columns with an item's vector, neighbours and text in a base version, and the joins that bring them."""
    if base_id is None:
        return Fragment("null, null"), Fragment("")
    joined = compose(
        "left join {vectors} as w on w.version_id = {version} and w.item_id = {item}"
        " left join {neighbours} as n on n.version_id = {version} and n.item_id = {item}",
        vectors=store.vectors_table(base_id),
        neighbours=store.neighbours_table(base_id),
        version=Fragment(str(int(base_id))),
        item=Fragment(item),
    )
    placed = compose("{vector}, n.packed", vector=store.packed(Fragment("w.vector")))
    if width:
        placed = compose("{placed}, {text}", placed=placed, text=store.packed_text(Fragment("w.text"), width))
    return placed, joined
