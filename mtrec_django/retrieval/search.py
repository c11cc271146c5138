"""All candidates of an answer in one statement, with everything that ranking and reasons need to know of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import store
from .candidates import Ask, CandidateSource
from .found import COLUMNS, WITH_TEXT, Candidates, unpack
from .sources import DEFAULT, sources_named
from .statement import Fragment, Rows, compose, join, longs

NAMED = -1
"""Where what sources named themselves is told, in place of a source."""


class Search:
    """What is asked of the sources of these names, and what came of it."""

    def __init__(self, ask: Ask, names: Sequence[str] = DEFAULT) -> None:
        self.ask, self.sources = ask, sources_named(names)
        told = [source.named(ask) for source in self.sources]
        self.named = {at: items for at, items in enumerate(told) if items is not None}

    @property
    def statement(self) -> Fragment:
        """Everything in one: candidates of all sources, with all that ranking and reasons need to know of each.

        One row of packed columns for each source, since reading hundreds of rows takes as long as finding them; and one
        for all that sources named themselves.
        """
        parts = [
            _found(self.ask, source, at, select)
            for at, source in enumerate(self.sources)
            if at not in self.named and (select := source.select(self.ask)) is not None
        ]
        if items := list({item: None for some in self.named.values() for item in some}):
            parts.append(_looked_up(self.ask, items))
        if not parts:
            return Fragment("select " + ", ".join(["null"] * len(COLUMNS)) + " where false")
        return compose("{allowed} {found}", allowed=_listed(self.ask), found=join(" union all ", parts))

    def read(self, rows: Rows) -> Candidates:
        """What the rows of the statement say."""
        return unpack(rows, self.ask, self.sources, self.named)


def is_ours(names: Sequence[str]) -> bool:
    """Whether a site wrote none of these sources; nobody knows of what types its parameters are."""
    return all(type(source).__module__.startswith(__package__ + ".") for source in sources_named(names))


def _found(ask: Ask, source: CandidateSource, at: int, select: Fragment) -> Fragment:
    """The rows of one source, packed: those of the pool, and how strongly it speaks for each."""
    rows = compose("({select}) as v", select=select)
    if not source.whole:
        rows = compose(
            "({select}) as c join {pool} on v.item_id = c.item_id and {version}",
            select=select,
            pool=ask.pool,
            version=ask.of_version,
        )
    told = "v" if source.whole else "c"
    strength = [f"string_agg(float8send({told}.strength), '')", f"string_agg(int8send({told}.partner), '')"]
    return _packed(ask, at, rows, strength if source.scored else _NO_STRENGTH)


def _looked_up(ask: Ask, items: Sequence[int]) -> Fragment:
    """The same of items by their keys, of which those that are left out one by one are none."""
    allowed = replace(ask, allowed=replace(ask.allowed, excluded=()))
    rows = compose(
        "(select {row} from {pool} where {where} and v.item_id = any({items}::bigint[])) as v",
        row=ask.row,
        pool=ask.pool,
        where=allowed.where,
        items=longs(items),
    )
    return _packed(ask, NAMED, rows, _NO_STRENGTH)


_NO_STRENGTH = ("null::bytea", "null::bytea")


def _packed(ask: Ask, at: int, rows: Fragment, strength: Sequence[str]) -> Fragment:
    """One value for each of `COLUMNS`: numbers big-endian, one after the other, which numpy reads without a look at
    each.
    """
    created = "v.created_at" if ask.version_id is None else "i.created_at"
    columns = {
        "at": str(at),
        "item": "string_agg(int8send(v.item_id), '')",
        "label": "array_agg(v.source::text)" if len(ask.allowed.labels) != 1 else "null::text[]",
        "object_id": "array_agg(v.object_id::text)",
        "days": f"string_agg(float8send(extract(epoch from now() - {created})::float8 / 86400), '')"
        if ask.version_id is None or ask.with_items
        else "null::bytea",
        "vector": f"string_agg({store.packed(Fragment('v.vector')).text}, '')"
        if ask.version_id is not None
        else "null::bytea",
        "strength": strength[0],
        "partner": strength[1],
        "marks": "null::bytea",
        "categories": "array_agg(i.categories::text)" if ask.with_items else "null::text[]",
    }
    if ask.width:
        columns["text"] = f"string_agg({store.packed_text(Fragment('v.text'), ask.width).text}, '')"
    packed = [Fragment(columns[name]) for name in (WITH_TEXT if ask.width else COLUMNS)]
    if ask.marks:
        packed[COLUMNS.index("marks")] = _marks(ask)
    return compose(
        "select {columns} from {rows} {items}",
        columns=join(", ", packed),
        rows=rows,
        items=Fragment("join mtrec_item as i on i.id = v.item_id" if ask.with_items else ""),
    )


def _marks(ask: Ask) -> Fragment:
    """Which of the querysets hold the candidate, one bit each."""
    bits = [
        compose("(({held})::int::bigint << {at})", held=k.holds_any, at=Fragment(str(n)))
        for n, k in enumerate(ask.marks)
    ]
    return compose("string_agg(int8send({bits}), '')", bits=join(" | ", bits))


def _listed(ask: Ask) -> Fragment:
    """What is allowed, where that is little."""
    if not ask.narrow:
        return Fragment("")
    where = ask.allowed.where(narrow=True, by_text=ask.version_id is None)
    pool = replace(ask, narrow=False).pool
    return compose(
        "with allowed as materialized (select {row} from {pool} where {where})", row=ask.row, pool=pool, where=where
    )
