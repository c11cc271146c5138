"""What decides over a list beside the version: candidate sources and rules.

A scenario has one `Policy`, read from its options; a call, or an arm of an experiment, changes parts of it:

    changes = read_options({"diversity": 0.3, "candidates": ["personal", "new"]})
    replace(live.policy, **changes)

Everything a site may write is read here, so code, admin, call and experiment accept the same and refuse with the same
words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..exceptions import BadRule, NotRegistered
from .candidates import DEFAULT, sources_named

MOST_FACTOR = 1000.0
"""Beyond it a boost says nothing more."""
ROTATION_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was shown and not met sinks for a while."""

    factor: float
    """What each showing multiplies the score by; 0 sends the item to the end."""
    hours: float = ROTATION_HOURS
    """After so long a showing is forgotten."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Candidate sources and rules in force; the defaults do nothing and cost nothing."""

    candidates: tuple[str, ...] = DEFAULT
    """Names of the candidate sources."""
    at_most: Mapping[str, int] = field(default_factory=dict)
    """Category -> how many items may share a label of it."""
    diversity: float = 0.0
    """From 0, the most relevant, to 1, the most different from each other."""
    minimum: float | None = None
    """How near to what the visitor did an item must be, as a cosine; None is no minimum."""
    rotation: Rotation | None = None


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `Policy` from options as a site writes them; options that are none of its business are passed over.

    Raises:
        BadRule: for the first option that makes no sense.
    """
    return {name: _READERS[name](value) for name, value in options.items() if name in _READERS}


def option_problems(options: Mapping[str, Any]) -> dict[str, BadRule]:
    """Each option that makes no sense, with what is wrong with it."""
    found = {}
    for name, value in options.items():
        try:
            read_options({name: value})
        except BadRule as error:
            found[name] = error
    return found


def _candidates(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise BadRule("candidates", _("“candidates” is a list of names of candidate sources."))
    try:
        sources_named(value)
    except NotRegistered as error:
        raise BadRule("candidates", str(error)) from error
    return tuple(dict.fromkeys(value)) or DEFAULT


def _at_most(value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping) or not all(type(limit) is int and limit > 0 for limit in value.values()):
        raise BadRule(
            "at_most",
            _("“at_most” maps a category to how many items may share a label of it, as in {“brand”: 2}."),
        )
    return dict(value)


def _diversity(value: Any) -> float:
    return _number("diversity", value, 0, 1, _("“diversity” is a number from 0 to 1."))


def _minimum(value: Any) -> float | None:
    if value is None:
        return None
    return _number("minimum", value, -1, 1, _("“minimum” is a cosine, from -1 to 1."))


def _rotation(value: Any) -> Rotation | None:
    if not value or isinstance(value, Rotation):
        return value or None
    words = _("“rotation” is as {“factor”: 0.7, “hours”: 24}: a factor from 0 to 1, and for how long.")
    if not isinstance(value, Mapping) or not {"factor"} <= value.keys() <= {"factor", "hours"}:
        raise BadRule("rotation", words)
    factor = _number("rotation", value["factor"], 0, 1, words)
    return Rotation(factor, _number("rotation", value.get("hours", ROTATION_HOURS), 0, 24 * 365, words))


def _number(name: str, value: Any, least: float, most: float, words: str | Promise) -> float:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or not least <= value <= most:
        raise BadRule(name, words)
    return float(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "candidates": _candidates,
    "at_most": _at_most,
    "diversity": _diversity,
    "minimum": _minimum,
    "rotation": _rotation,
}

OPTIONS = frozenset(_READERS)
"""Names of the options that are read here."""
