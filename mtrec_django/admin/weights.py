"""What counts how much in the ranking of a scenario, as it is served now."""

from __future__ import annotations

from dataclasses import dataclass

from ..exceptions import NotRegistered
from ..inference.blend import Blend
from ..models import Scenario
from ..retrieval.ranking import with_sources
from ..serving import live


@dataclass(frozen=True, slots=True)
class Weights:
    """The ranking of one scenario in numbers."""

    rows: list[tuple[str, float]]
    """Feature and weight, the heaviest first."""
    trained: bool
    """Whether the version learned them here; else they are the default."""
    decay: float
    """How much less each older event counts for what goes with the history."""


def weights(scenario: Scenario) -> Weights | None:
    """The weights in force; None where counts alone decide."""
    try:
        place = live.latest(scenario.name)
    except NotRegistered:
        return None
    if place.base is None:
        return None
    blend = place.blend or Blend()
    served = with_sources(blend, place.policy.candidates, place.policy.weights)
    rows = sorted(served.weights.items(), key=lambda row: (-abs(row[1]), row[0]))
    return Weights([(name, weight) for name, weight in rows if weight], blend != Blend(), blend.decay)
