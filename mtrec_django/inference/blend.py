"""How candidates are scored: a few weights over z-scores, chosen per scenario on validation; readable JSON.

Evaluation and serving call the same functions, so what is measured is what is served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .polarity import says_no

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

PERSONAL = "personal"
"""Cosine of the query vector and the item vector."""
TOGETHER = "together"
"""What goes with the history by the table of neighbours, see `combine`."""
TEXT = "text"
"""Cosine of what is written on the item and on those of the history, weighted by `Blend.for_text`, see `texts`."""
POPULAR = "popular"
"""Log of the item's share of what is wanted in this scenario."""
FRESH = "fresh"
"""Minus the log of the item's age in days."""

FEATURES = (PERSONAL, TOGETHER, TEXT, POPULAR, FRESH)

VECTOR_CANDIDATES = 300
"""How many of the nearest items by vector are scored."""
TEXT_DECAY = 0.9
"""How much less each older event counts in `TEXT`: a taste lasts longer than what goes together."""
VISIT_SECONDS = 1800
"""A pause after which a visitor's next event begins another visit."""

SOURCE_CANDIDATES = 100
"""How many of the best of every other source are scored."""


@dataclass(frozen=True, slots=True)
class Blend:
    """The weights of one scenario."""

    weights: dict[str, float] = field(default_factory=lambda: {PERSONAL: 1.0, TOGETHER: 0.2, POPULAR: 0.2})
    """Feature -> weight of its z-score; features left out do not count."""
    decay: float = 0.8
    """How much less each older event of the history counts in `combine`."""
    kinds: dict[str, float] = field(default_factory=dict)
    """Event kind -> how much it counts in `combine`; 1 for kinds left out, -1 for those that say no."""
    here: float = 1.0
    """How much more an event of this very scenario counts in `combine`."""
    visit: float = 1.0
    """How much less the events of each earlier visit count in `combine`."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict; `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Blend:
        """Read a stored blend; keys that a newer version wrote are ignored."""
        known = {name: data[name] for name in ("weights", "decay", "kinds", "here", "visit") if name in data}
        return cls(**known)

    def kind_weight(self, kind: str) -> float:
        """How much an event of this kind counts in `combine`."""
        return self.kinds.get(kind, -1.0 if says_no(kind) else 1.0)

    @property
    def for_text(self) -> Blend:
        """The blend by which a history is read for `TEXT`."""
        return replace(self, decay=TEXT_DECAY, visit=1.0)

    def history_weights(
        self, kinds: Sequence[str], here: npt.NDArray[np.bool_] | None = None, ages: npt.ArrayLike | None = None
    ) -> Floats:
        """How much each event of the history counts in `combine`, most recent first. [events]

        Args:
            here: whether each happened in this scenario.
            ages: in seconds, below zero where unknown; they tell one visit from the next.
        """
        weights = self.decay ** np.arange(len(kinds), dtype=np.float32)
        weights *= np.fromiter(map(self.kind_weight, kinds), np.float32, len(kinds))
        if here is not None:
            weights *= np.where(here, np.float32(self.here), np.float32(1))
        if ages is not None and self.visit != 1:
            weights *= np.float32(self.visit) ** visits_back(np.asarray(ages, np.float64))
        return weights.astype(np.float32)

    def score(self, features: Mapping[str, Floats]) -> Floats:
        """The score of each candidate: the higher, the better. [candidates]

        Args:
            features: by name, a row of numbers; NaN where a candidate has none, which counts as average.
        """
        nothing = np.zeros(np.shape(next(iter(features.values()), ())), np.float32)
        return sum(self.parts(features).values(), nothing)

    def parts(self, features: Mapping[str, Floats]) -> dict[str, Floats]:
        """What each feature that counts adds to the score of each candidate. Feature -> [candidates]"""
        names = [name for name, weight in self.weights.items() if weight and name in features]
        if not names:
            return {}
        scores = z_scores(np.stack([features[name] for name in names]))  # together: each call has its price
        return {name: np.float32(self.weights[name]) * one for name, one in zip(names, scores, strict=True)}


def visits_back(ages: npt.NDArray[np.float64]) -> Ints:
    """How many visits before the last one each event happened, most recent first. [events]"""
    known = ages >= 0
    pause = np.zeros(len(ages), bool)
    pause[1:] = (np.diff(ages) > VISIT_SECONDS) & known[1:] & known[:-1]
    return np.cumsum(pause).astype(np.int32)


def z_scores(values: npt.ArrayLike) -> Floats:
    """Mean 0 and deviation 1 along the last axis over what is known; 0 where a value is NaN or all are equal."""
    x = np.asarray(values, np.float32)
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    filled = np.where(known, x, np.float32(0))
    centred = np.where(known, filled - filled.sum(axis=-1, keepdims=True) / count, np.float32(0))
    deviation = np.sqrt((centred * centred).sum(axis=-1, keepdims=True) / count)
    return (centred / np.where(deviation > 1e-9, deviation, np.inf)).astype(np.float32)


def combine(history: Floats, others: Ints, strengths: Floats) -> tuple[Ints, Floats]:
    """What goes with a history: the neighbours of its items, weighted and summed; the strongest first.

    Args:
        history: weight of each event, see `Blend.history_weights`. [events]
        others: neighbours of each event's item, -1 where it has fewer. [events, neighbours]
        strengths: how strong each neighbour is. [events, neighbours]
    """
    if not len(history):
        return np.empty(0, np.int32), np.empty(0, np.float32)
    flat, weights = others.ravel(), (strengths * history[:, None]).ravel()
    found, at = np.unique(flat[flat >= 0], return_inverse=True)
    scores = np.bincount(at, weights[flat >= 0], minlength=len(found)).astype(np.float32)
    order = np.argsort(-scores, kind="stable")
    return found[order].astype(np.int32), scores[order]
