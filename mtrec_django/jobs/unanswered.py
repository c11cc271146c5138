"""What visitors were shown many times, out of the log of answers: one row a visitor and item leaves the database."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..columns import Columns
from ..dataset import Dataset, Shown
from ..learning.unanswered import TIMES
from ..models import Scenario
from .arrays import find, scenario_positions
from .copying import copy_blocks

MOST = 2_000_000
"""Rows at most, the newest: 20 bytes each on disk."""

_SHOWN = """
select visitor_id::int8, item_id::int8, coalesce(scenario_id, 0)::int8, extract(epoch from created_at)::int8
from (select a.visitor_id, i.item_id, a.scenario_id, a.created_at,
             row_number() over (partition by a.visitor_id, i.item_id order by a.created_at, a.id) as times
      from mtrec_recommendation as a cross join lateral unnest(a.items) as i (item_id)
      where a.visitor_id is not null) as s
where times = %s
order by created_at desc limit %s
"""
_COLUMNS = [("visitor", ">i8"), ("item", ">i8"), ("scenario", ">i8"), ("time", ">i8")]


def with_shown(dataset: Dataset) -> Dataset:
    """The data set as `read_dataset` gives it, with what was shown many times to its visitors."""
    scenarios = dict(Scenario.objects.filter(enabled=True).values_list("name", "pk"))
    order = [scenarios.get(goal.name, -1) for goal in dataset.goals]
    users, items = dataset.users.ids.astype(np.int64), dataset.items.ids.astype(np.int64)
    with Columns(user=np.int32, item=np.int32, scenario=np.int32, time=np.int64) as columns:
        for rows in copy_blocks(_SHOWN, [TIMES, MOST], _COLUMNS):
            user, known = find(users, rows["visitor"].astype(np.int64))
            rows = rows[known]
            item, known = find(items, rows["item"].astype(np.int64))
            rows = rows[known]
            places = scenario_positions(rows["scenario"].astype(np.int64), order)
            columns.append(user=user[known], item=item, scenario=places, time=rows["time"])
        return replace(dataset, shown=Shown(**columns.arrays()))
