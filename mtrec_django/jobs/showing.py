"""What may be shown to a crowd at this moment, with what ranking and rules need to know of each item."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..catalog.registry import source_for
from ..inference.blend import FRESH, Blend
from ..retrieval import store
from ..retrieval.collections import keys_in
from ..retrieval.filters import Allowed, Keys, keys_of
from ..retrieval.statement import Fragment, compose, join, read
from ..serving.live import Live
from ..serving.question import Question
from .copying import copy_rows
from .shelf import Shelf

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shown:
    """What may be shown now, by primary key."""

    items: Longs  # [shown]
    popular: Floats  # log of one more than the popularity in the scenario [shown]
    days: Floats  # since the item was first seen, 0 where nothing asks for it [shown]
    factors: Floats  # what boosts and burials make of the score [shown]
    categories: list[dict[str, list[str]]]  # of each, where a rule asks for them, else empty

    def categories_of(self, rows: Longs) -> list[dict[str, list[str]]]:
        """Those of some rows, empty where no rule asks for them."""
        return [self.categories[row] for row in rows.tolist()] if self.categories else [{}] * len(rows)

    def on(self, shelf: Shelf) -> Shown:
        """Those that stand on the shelf: an item that came since it was read is left to the next batch."""
        there = shelf.positions(self.items) >= 0
        if there.all():
            return self
        categories = [one for one, kept in zip(self.categories, there.tolist(), strict=False) if kept]
        return Shown(self.items[there], self.popular[there], self.days[there], self.factors[there], categories)


def shown(question: Question) -> Shown:
    """All that the question allows and the site says is available at this moment; two queries at most."""
    place, policy = question.live, question.policy(question.live)
    factors = [
        compose("case when {held} then {factor}::float8 else 1 end", held=keys.holds_any, factor=factor)
        for one, factor in policy.boost
        for keys in keys_in([one], store.database())
    ]
    fresh = bool((place.blend or Blend()).weights.get(FRESH))
    asked = compose(
        "select v.item_id, ln(1 + coalesce(s.popular, 0))::float4,"
        " (extract(epoch from now() - {since}) / 86400)::float4, ({factor})::float4 from {pool} {items}"
        " left join mtrec_itemscore as s on s.item_id = v.item_id and s.scenario_id = {scenario}"
        " where {allowed} order by v.item_id",
        since=Fragment("i.created_at" if fresh else "now()"),
        factor=join(" * ", factors) if factors else Fragment("1"),
        pool=_pool(place),
        items=Fragment("join mtrec_item as i on i.id = v.item_id" if fresh else ""),
        scenario=place.scenario.pk,
        allowed=_allowed(question),
    )
    rows = copy_rows(
        asked.text, asked.params, [("item", ">i8"), ("popular", ">f4"), ("days", ">f4"), ("factor", ">f4")]
    )
    items = rows["item"].astype(np.int64)
    popular, days, factor = (rows[name].astype(np.float32) for name in ("popular", "days", "factor"))
    return Shown(items, popular, np.maximum(days, 0), factor, _categories(question, items))


def _pool(place: Live) -> Fragment:
    version = place.base.id if place.base else 0
    return compose(
        "(select * from {table} where version_id = {version}) as v",
        table=store.vectors_table(version),
        version=Fragment(str(int(version))),
    )


def _allowed(question: Question) -> Fragment:
    """Listed, and not asked row by row: nearly all of a catalogue is read."""
    labels = question.labels(question.live)
    keys: list[Keys] = [keys_of(source_for(label).available(), store.database()) for label in labels]
    keys += [question.keys] if question.keys else []
    return Allowed(labels, keys=tuple(keys), without=question.hidden(question.live)).where(narrow=True)


def _categories(question: Question, items: Longs) -> list[dict[str, list[str]]]:
    limits = question.policy(question.live).at_most
    if not limits:
        return []
    (rows,) = read(
        [
            compose(
                "select id, jsonb_build_array({fields})::text from mtrec_item where id = any({items}::bigint[])",
                fields=join(", ", [compose("categories -> {field}", field=field) for field in limits]),
                items=items.tolist(),
            )
        ],
        using=store.database(),
    )
    known = {
        item: {field: labels for field, labels in zip(limits, json.loads(told), strict=True) if labels}
        for item, told in rows
    }
    return [known.get(item, {}) for item in items.tolist()]
