"""What a search for sources and weights tries: everything, or only what stands next to the live version's choices.

A few more events rarely turn a choice: a training that begins at the live version keeps its table and reads it nearly
as it did, and everything is tried again once the data have grown by a quarter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..dataset import Dataset, Goal
from ..inference.blend import Blend
from ..inference.polarity import says_no
from .artifacts import Trained
from .settings import Settings
from .sources import table_names

DECAYS = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5)
STEADY = (1.0, 0.98)
"""Decays tried beside visits, which do part of a decay's work."""
VISITS = (0.5, 0.2, 0.05)
HERE = (3.0, 10.0, 100.0)
KINDS = (0.0, 0.2, 0.5, 3.0)

GROWN = 1.25
"""Times the events of the last search for everything, from which on everything is searched again."""


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried for all scenarios together, and for each."""

    tables: Sequence[str]
    goals: Sequence[Search]
    searched: int
    """Events when everything was searched last."""


def plan(known: Dataset, settings: Settings, live: Trained | None = None, asking: Iterable[int] = ()) -> Plan:
    """Everything that may be worth a try, or what is next to the choices of a live version that still hold.

    Args:
        asking: the scenarios that there are questions for, by position.
    """
    return everything(known, settings, asking) if live is None or not holds(live, known) else next_to(live, known)


def holds(live: Trained, known: Dataset) -> bool:
    """Whether a version chose for these very scenarios and kinds, of nearly as many events."""
    searched = live.report.get("searched", 0)
    names = {goal.name for goal in live.goals} == {goal.name for goal in known.goals}
    same = names and live.artifact.config["kinds"] == known.kinds
    return same and "recipe" in live.report and 0 < len(known.events) <= GROWN * searched


def everything(known: Dataset, settings: Settings, asking: Iterable[int] = ()) -> Plan:
    """All tables, all ways to read them."""
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
    return Plan(table_names(known, settings, asking), goals, len(known.events))


def next_to(live: Trained, known: Dataset) -> Plan:
    """The version's table and one step to either side of how it is read; what costs little is searched as ever."""
    goals = [
        Search(
            replace(live.blend(goal.name), weights={}),
            _beside(DECAYS, live.blend(goal.name).decay),
            _beside((1.0, *VISITS), live.blend(goal.name).visit) if known.events.time.any() else (),
        )
        for goal in known.goals
    ]
    return Plan([live.report["recipe"]["table"]], goals, live.report["searched"])


def _wanted(goal: Goal) -> dict[str, float]:
    """Kinds that say no elsewhere, but count for something here."""
    return {kind: 1.0 for kind, weight in goal.weights.items() if weight > 0 and says_no(kind)}


def _beside(values: Sequence[float], chosen: float) -> list[float]:
    """A chosen value, and the next smaller and larger ones."""
    below, above = [value for value in values if value < chosen], [value for value in values if value > chosen]
    return [chosen, *([max(below)] if below else []), *([min(above)] if above else [])]
