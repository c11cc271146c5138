"""From the tables to the plain arrays that a training reads."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from sys import intern
from typing import Any

import numpy as np
import numpy.typing as npt

from ..columns import Columns
from ..conf import get_config
from ..dataset import ELSEWHERE, NO_SCENARIO, Bools, Content, Dataset, Events, Floats, Goal, Ints, Items, Users
from ..models import Feedback, Item, ItemContent, Relation, Scenario, Visitor
from ..representation.encoders import load_encoder
from ..representation.images import load_image_encoder
from .copying import copy_blocks, copy_rows
from .fields import Fields

_EVENTS = """
select visitor_id::int8, item_id::int8, array_position(%s::varchar[], kind)::int4, coalesce(scenario_id, 0)::int8,
       coalesce(value, 'NaN')::float8, (extract(epoch from time) * 1000000)::int8
from mtrec_feedback
order by visitor_id
"""
_EVENT_COLUMNS = [
    ("visitor", ">i8"),
    ("item", ">i8"),
    ("kind", ">i4"),
    ("scenario", ">i8"),
    ("value", ">f8"),
    ("time", ">i8"),
]

_CONTENT = """
select item_id::int8, vector from mtrec_itemcontent where encoder = %s and octet_length(vector) = %s order by item_id
"""

Rows = npt.NDArray[Any]
Longs = npt.NDArray[np.int64]


def read_dataset() -> Dataset:
    """Enabled scenarios, every item with its content, every event, and what is known of those who caused them."""
    scenarios = list(Scenario.objects.filter(enabled=True).order_by("pk"))
    kinds = sorted(Feedback.objects.order_by().values_list("kind", flat=True).distinct())
    items, sources = read_items()
    visitors, events = read_events(kinds, items.ids.astype(np.int64), [scenario.pk for scenario in scenarios])
    return Dataset(
        items=items,
        users=_users(visitors),
        events=events,
        kinds=kinds,
        goals=[_goal(scenario) for scenario in scenarios],
        catalogue=_catalogue(scenarios, sources),
    )


def read_items(pks: Iterable[int] | None = None) -> tuple[Items, npt.NDArray[np.str_]]:
    """All items, or the named ones, by primary key; beside them the label of each one's source. [items]"""
    rows = Item.objects.order_by("pk").values_list("pk", "source", "title", "categories", "numbers")
    if pks is not None:
        rows = rows.filter(pk__in=list(pks))
    ids, sources, titles, fields = array("q"), [], [], Fields()
    for pk, source, title, of_categories, of_numbers in rows.iterator(chunk_size=5000):
        ids.append(pk)
        sources.append(intern(source))
        titles.append(title)
        fields.add(of_categories, of_numbers)
    positions = np.array(ids, np.int64)
    images = _read_images(positions)
    items = Items(positions, read_content(positions), fields.labels(), fields.numbers(), titles, images)
    return items, np.asarray(sources, np.str_)


def read_content(ids: Longs) -> Content:
    """The frozen text encoder's vector of each item, zeros where it has none. [items, width]"""
    encoder = load_encoder(get_config().ENCODER)
    found = _vectors(ids, encoder.name)
    return np.zeros((len(ids), encoder.width), np.float16) if found is None else found


def _read_images(ids: Longs) -> Content | None:
    encoder = load_image_encoder(get_config().IMAGE_ENCODER)
    return None if encoder is None else _vectors(ids, encoder.name)


def _vectors(ids: Longs, encoder: str) -> Content | None:
    """What is stored of an encoder, in a column on disk; None where nothing is. [items, width]"""
    first = ItemContent.objects.filter(encoder=encoder).values_list("vector", flat=True).first()
    if first is None:
        return None
    width = len(first) // 2
    with Columns(content=(np.float16, (width,))) as columns:
        for rows in copy_blocks(_CONTENT, [encoder, width * 2], [("item", ">i8"), ("vector", f"V{width * 2}")]):
            at, known = find(ids, rows["item"].astype(np.int64))
            block = np.zeros((at[-1] + 1 - columns.rows if len(at) else 0, width), np.float16)
            block[at - columns.rows] = np.frombuffer(rows["vector"].tobytes(), "<f2").reshape(-1, width)[known]
            columns.append(content=block)
        columns.append(content=np.zeros((len(ids) - columns.rows, width), np.float16))
        return columns.arrays()["content"]


def find(sorted_ids: Longs, wanted: Longs) -> tuple[Longs, Bools]:
    """Positions of those that are there, and which those are."""
    if not len(sorted_ids):
        return np.zeros(0, np.int64), np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
    known = sorted_ids[at] == wanted
    return at[known].astype(np.int64), known


def read_events(kinds: list[str], items: Longs, scenarios: list[int]) -> tuple[Longs, Events]:
    """Who caused events, by primary key, and what they did, in columns on disk: memory does not grow with them."""
    visitors = [np.empty(0, np.int64)]
    with Events.columns() as columns:
        for rows in _whole_visitors(copy_blocks(_EVENTS, [kinds], _EVENT_COLUMNS)):
            found, user = np.unique(rows["visitor"].astype(np.int64), return_inverse=True)
            columns.append(**_block(rows, user + sum(map(len, visitors)), items, scenarios))
            visitors.append(found)
        events = Events(**columns.arrays())
    return np.concatenate(visitors), events


def _whole_visitors(blocks: Iterable[Rows]) -> Iterator[Rows]:
    """The rows of sorted blocks, cut where a visitor's end."""
    rest: list[Rows] = []
    for block in blocks:
        last = int(np.searchsorted(block["visitor"].astype(np.int64), block["visitor"][-1]))
        ended = rest and rest[-1]["visitor"][-1] != block["visitor"][0]
        if last or ended:
            yield np.concatenate([*rest, block[:last]])
            rest = []
        rest.append(block[last:])
    if rest:
        yield np.concatenate(rest)


def _block(rows: Rows, user: Longs, items: Longs, scenarios: list[int]) -> dict[str, npt.NDArray[Any]]:
    item, known = find(items, rows["item"].astype(np.int64))
    rows, user = (
        rows[known],
        user[known],
    )  # an item that came in after the catalogue was read waits for another training
    time = rows["time"].astype(np.int64)
    # The order inside one instant (an order's lines) is no knowledge, so it must not be the order of the catalogue.
    tie = (rows["visitor"].astype(np.uint64) * 0x9E3779B97F4A7C15 ^ rows["item"].astype(np.uint64)) * 0xBF58476D1CE4E5B9
    order = np.lexsort((tie, time, user))
    return {
        "user": user[order],
        "item": item[order],
        "kind": rows["kind"][order] - 1,
        "scenario": scenario_positions(rows["scenario"][order].astype(np.int64), scenarios),
        "value": rows["value"][order],
        "time": time[order] // 1_000_000,
    }


def scenario_positions(ids: Longs, scenarios: list[int]) -> Ints:
    """Positions of scenarios; an event of one that is switched off is no target. [events]"""
    positions = np.full(len(ids), ELSEWHERE, np.int32)
    positions[ids == 0] = NO_SCENARIO
    for position, pk in enumerate(scenarios):
        positions[ids == pk] = position
    return positions


def _goal(scenario: Scenario) -> Goal:
    in_session = bool(scenario.options.get("in_session"))
    return Goal(scenario.name, dict(scenario.goal), repeats=scenario.repeats, in_session=in_session)


def _catalogue(scenarios: list[Scenario], sources: npt.NDArray[np.str_]) -> Bools:
    everything = np.ones(len(sources), np.bool_)
    rows = [np.isin(sources, scenario.sources) if scenario.sources else everything for scenario in scenarios]
    return np.stack(rows) if rows else np.zeros((0, len(sources)), np.bool_)


def _users(visitors: Longs) -> Users:
    described = Visitor.objects.exclude(features={}).order_by("pk").values_list("pk", "features")
    fields = Fields()
    for pk, values in described.iterator(chunk_size=5000):
        at, known = find(visitors, np.asarray([pk], np.int64))
        if known[0]:
            fields.skip_to(int(at[0]))
            numbers = {name: value for name, value in values.items() if _is_number(value)}
            fields.add({name: [str(value)] for name, value in values.items() if name not in numbers}, numbers)
    fields.skip_to(len(visitors))
    return Users(visitors, fields.labels(), fields.numbers(), _relations(visitors))


def _relations(visitors: Longs) -> tuple[Ints, Ints, Floats] | None:
    if not Relation.objects.exists():
        return None
    rows = copy_rows(
        "select visitor_id::int8, other_id::int8, weight::float8 from mtrec_relation",
        [],
        [("visitor", ">i8"), ("other", ">i8"), ("weight", ">f8")],
    )
    known = np.isin(rows["visitor"], visitors) & np.isin(rows["other"], visitors)
    ends = [
        np.searchsorted(visitors, rows[name][known].astype(np.int64)).astype(np.int32) for name in ("visitor", "other")
    ]
    return ends[0], ends[1], rows["weight"][known].astype(np.float32)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
