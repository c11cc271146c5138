"""What a search for sources and weights tries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..dataset import Dataset, Goal
from ..inference.blend import Blend
from ..inference.polarity import says_no
from .settings import Settings
from .sources import table_names

DECAYS = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5)
STEADY = (1.0, 0.98)
"""Decays tried beside visits, which do part of a decay's work."""
VISITS = (0.5, 0.2, 0.05)
HERE = (3.0, 10.0, 100.0)
KINDS = (0.0, 0.2, 0.5, 3.0)


@dataclass(frozen=True, slots=True)
class Search:
    """What is tried for one scenario."""

    reading: Blend
    """How tables are read at first."""
    decays: Sequence[float]
    visits: Sequence[float]
    steady: Sequence[float] = ()
    here: Sequence[float] = ()
    kinds: Sequence[float] = ()
    few: bool = False
    """Whether some of the questions suffice for the weights."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried for all scenarios together, and for each."""

    tables: Sequence[str]
    goals: Sequence[Search]


def plan(known: Dataset, settings: Settings, asking: Iterable[int] = ()) -> Plan:
    """All tables that may be worth a try, all ways to read them.

    Args:
        asking: the scenarios that there are questions for, by position.
    """
    decays = DECAYS if not settings.quick else DECAYS[2:4]
    timed = bool(known.events.time.any())
    goals = [
        Search(
            Blend(decay=0.9, kinds=_wanted(goal)),
            decays,
            VISITS if timed else (),
            STEADY,
            HERE if len(known.goals) > 1 else (),
            KINDS if len(known.kinds) > 1 else (),
        )
        for goal in known.goals
    ]
    return Plan(table_names(known, settings, asking), goals)


def _wanted(goal: Goal) -> dict[str, float]:
    """Kinds that say no elsewhere, but count for something here."""
    return {kind: 1.0 for kind, weight in goal.weights.items() if weight > 0 and says_no(kind)}
