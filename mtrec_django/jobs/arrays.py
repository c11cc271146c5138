"""From the tables to the plain arrays that a training reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..conf import get_config
from ..dataset import ELSEWHERE, NO_SCENARIO, Bools, Dataset, Events, Floats, Goal, Ints, Items, Labels, Users
from ..models import Feedback, Item, ItemContent, Relation, Scenario, Visitor
from ..representation.encoders import load_encoder
from .copying import copy_rows

_EVENTS = """
select visitor_id::int8, item_id::int8, array_position(%s::varchar[], kind)::int4, coalesce(scenario_id, 0)::int8,
       coalesce(value, 'NaN')::float8, (extract(epoch from time) * 1000000)::int8
from mtrec_feedback
"""
_EVENT_COLUMNS = [
    ("visitor", ">i8"),
    ("item", ">i8"),
    ("kind", ">i4"),
    ("scenario", ">i8"),
    ("value", ">f8"),
    ("time", ">i8"),
]

Rows = npt.NDArray[Any]
Longs = npt.NDArray[np.int64]


def read_dataset() -> Dataset:
    """Enabled scenarios, every item with its content, every event, and what is known of those who caused them."""
    scenarios = list(Scenario.objects.filter(enabled=True).order_by("pk"))
    kinds = sorted(Feedback.objects.order_by().values_list("kind", flat=True).distinct())
    items, sources = read_items()
    rows = copy_rows(_EVENTS, [kinds], _EVENT_COLUMNS)
    visitors = np.unique(rows["visitor"].astype(np.int64))
    return Dataset(
        items=items,
        users=_users(visitors),
        events=_events(rows, visitors, items.ids.astype(np.int64), [scenario.pk for scenario in scenarios]),
        kinds=kinds,
        goals=[_goal(scenario) for scenario in scenarios],
        catalogue=_catalogue(scenarios, sources),
    )


def read_items(pks: Iterable[int] | None = None) -> tuple[Items, npt.NDArray[np.str_]]:
    """All items, or the named ones, by primary key; beside them the label of each one's source. [items]"""
    rows = Item.objects.order_by("pk").values_list("pk", "source", "title", "categories", "numbers")
    if pks is not None:
        rows = rows.filter(pk__in=list(pks))
    ids, sources, titles, categories, numbers = [], [], [], [], []
    for pk, source, title, of_categories, of_numbers in rows.iterator(chunk_size=5000):
        ids.append(pk)
        sources.append(source)
        titles.append(title)
        categories.append(of_categories)
        numbers.append(of_numbers)
    positions = np.asarray(ids, np.int64)
    items = Items(positions, read_content(positions), _labels(categories), _numbers(numbers), titles)
    return items, np.asarray(sources, np.str_)


def read_content(ids: Longs) -> Floats:
    """The frozen encoder's vector of each item, zeros where it has none. [items, width]"""
    encoder = load_encoder(get_config().ENCODER)
    first = ItemContent.objects.filter(encoder=encoder.name).values_list("vector", flat=True).first()
    if first is None:
        return np.zeros((len(ids), encoder.width), np.float32)
    width = len(first) // 2
    rows = copy_rows(
        "select item_id::int8, vector from mtrec_itemcontent where encoder = %s and octet_length(vector) = %s",
        [encoder.name, width * 2],
        [("item", ">i8"), ("vector", f"V{width * 2}")],
    )
    content = np.zeros((len(ids), width), np.float32)
    at, known = find(ids, rows["item"].astype(np.int64))
    content[at] = np.frombuffer(rows["vector"].tobytes(), "<f2").reshape(-1, width)[known]
    return content


def find(sorted_ids: Longs, wanted: Longs) -> tuple[Longs, Bools]:
    """Positions of those that are there, and which those are."""
    if not len(sorted_ids):
        return np.zeros(0, np.int64), np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
    known = sorted_ids[at] == wanted
    return at[known].astype(np.int64), known


def _events(rows: Rows, visitors: Longs, items: Longs, scenarios: list[int]) -> Events:
    item, known = find(items, rows["item"].astype(np.int64))
    rows = rows[known]  # an item that came in after the catalogue was read waits for the next training
    user = np.searchsorted(visitors, rows["visitor"].astype(np.int64))
    time = rows["time"].astype(np.int64)
    # The order inside one instant (an order's lines) is no knowledge, so it must not be the order of the catalogue.
    tie = (rows["visitor"].astype(np.uint64) * 0x9E3779B97F4A7C15 ^ rows["item"].astype(np.uint64)) * 0xBF58476D1CE4E5B9
    order = np.lexsort((tie, time, user))
    return Events(
        user=user[order].astype(np.int32),
        item=item[order].astype(np.int32),
        kind=(rows["kind"][order] - 1).astype(np.int32),
        scenario=_scenario_positions(rows["scenario"][order].astype(np.int64), scenarios),
        value=rows["value"][order].astype(np.float32),
        time=time[order] // 1_000_000,
    )


def _scenario_positions(ids: Longs, scenarios: list[int]) -> Ints:
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
    features: list[Mapping[str, Any]] = [{}] * len(visitors)
    described = Visitor.objects.exclude(features={}).values_list("pk", "features")
    for pk, values in described.iterator(chunk_size=5000):
        at, known = find(visitors, np.asarray([pk], np.int64))
        if known[0]:
            features[int(at[0])] = values
    texts: list[Mapping[str, Any]] = [
        {name: [str(v)] for name, v in row.items() if not _is_number(v)} for row in features
    ]
    numbers: list[Mapping[str, Any]] = [{name: v for name, v in row.items() if _is_number(v)} for row in features]
    return Users(visitors, _labels(texts), _numbers(numbers), _relations(visitors))


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


def _labels(rows: list[Mapping[str, Any]]) -> dict[str, Labels]:
    fields = sorted({name for row in rows for name in row})
    return {name: Labels.from_rows([row.get(name) or [] for row in rows]) for name in fields}


def _numbers(rows: list[Mapping[str, Any]]) -> dict[str, Floats]:
    fields = sorted({name for row in rows for name in row})
    return {
        name: np.asarray([row[name] if row.get(name) is not None else np.nan for row in rows], np.float32)
        for name in fields
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
