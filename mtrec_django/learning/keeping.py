"""What a training that begins at the live version keeps of its choices: table, readings, trust in unmet items.

A few more events rarely turn those, while the weights of a blend, the share of text and the half-lives cost little to
choose anew. Everything is searched again once the data have grown by a fifth, after some trainings that kept, where
scenarios or kinds are others, and where blends gain clearly less on validation than they did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..dataset import Dataset
from .artifacts import Trained
from .choosing import Chosen, search, tables_of
from .network import Network
from .queries import Queries
from .run import Run
from .searching import Plan, Search
from .sources import Recipe

GROWN = 1.2
"""Times the events of the last search for everything, from which on everything is searched again."""
MOST_KEPT = 10
"""Trainings in a row that keep choices."""
FALLEN = 0.85
"""Of what blends gained on validation when the live version was made: less is clearly worse."""


def holds(live: Trained, known: Dataset) -> bool:
    """Whether a version chose for these very scenarios and kinds, of nearly as many events, not too long ago."""
    names = {goal.name for goal in live.goals} == {goal.name for goal in known.goals}
    same = names and live.artifact.config["kinds"] == known.kinds
    fresh = live.report.get("kept", 0) < MOST_KEPT and len(known.events) <= GROWN * live.report.get("searched", 0)
    return same and fresh and "recipe" in live.report and len(known.events) > 0


def keep(run: Run, network: Network, known: Dataset, asked: list[Queries], live: Trained) -> Chosen | None:
    """Choices with the live version's table, readings and trust in unmet items, or nothing where they no longer serve.

    Args:
        known: what network and tables have learned from.
        asked: validation questions over `run.dataset`, one set a goal.
    """
    stored = Recipe(**live.report["recipe"])
    readings = [replace(live.blend(goal.name), weights={}) for goal in known.goals]
    whole = Plan([stored.table], [Search(reading, (), (), few=True) for reading in readings])
    recipe, blends, record = search(run, network, known, asked, whole, tables_of(run, known, whole))
    if fallen(record, live.report.get("validation", {})):
        return None
    least = dict(zip((goal.name for goal in live.goals), stored.unmet_text, strict=False))
    texts = [least.get(goal.name, 0.0) for goal in known.goals]
    recipe = replace(recipe, cold_share=stored.cold_share, cold_stress=stored.cold_stress, unmet_text=texts)
    return Chosen(recipe, recipe.heeded(blends), record, live.report["searched"], live.report.get("kept", 0) + 1)


def fallen(record: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether the scenarios together, by the root of their questions, gain clearly less over their best source alone.

    What is asked later may be harder, for all sources alike.
    """
    both = [name for name in record if before.get(name, {}).get("ndcg@10", 0) > 0]
    if not both:
        return False
    shares = [_lift(record[name]) / _lift(before[name]) for name in both]
    return bool(np.average(shares, weights=np.sqrt([record[name]["questions"] for name in both])) < FALLEN)


def _lift(record: dict[str, Any]) -> float:
    return float(record["ndcg@10"] / max(*record["alone"].values(), 1e-9))
