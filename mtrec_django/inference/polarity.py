"""Whether an event says yes, no or nothing: by its kind, and a rating by its value. Worker and web process agree."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..dataset import NEGATIVE_KINDS

SILENT = "impression"
"""The kind of event that says nothing by itself: in no history, neither in a training nor in an answer."""

RATING = "rating"
"""The kind of event whose value says whether it was liked."""

LOW = ":low"
"""What the name of a kind ends with whose value says no."""


def heard(kind: str, value: float | None, low: Mapping[str, float]) -> str:
    """The kind as a version knows it: a rating up to the version's bound is one of a kind of its own."""
    return kind + LOW if kind in low and value is not None and value <= low[kind] else kind


@lru_cache(1000)  # asked of each event of each answer
def says_no(kind: str) -> bool:
    """Whether a kind says no, unless a scenario's goal counts it for something."""
    return kind in NEGATIVE_KINDS or kind.endswith(LOW)
