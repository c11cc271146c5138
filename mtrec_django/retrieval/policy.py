"""What decides over a list beside the version: candidate sources and rules.

A scenario has one `Policy`, read from its options; a call, or an arm of an experiment, changes parts of it:

    changes = read_options({"diversity": 0.3, "candidates": ["personal", "new"]})
    replace(live.policy, **changes)

Everything a site may write is read here, so code, admin, call and experiment accept the same and refuse with the same
words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..exceptions import BadRule, NotRegistered
from .collections import Collection, check
from .sources import DEFAULT, sources_named

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
class Place:
    """A pin as serving knows it: an item with a fixed place."""

    position: int  # from 1
    item: int
    label: str
    object_id: str
    begins: float = -math.inf  # seconds since 1970
    ends: float = math.inf

    @property
    def name(self) -> tuple[str, str]:
        """Label and primary key of the object."""
        return self.label, self.object_id

    @property
    def object_key(self) -> int | None:
        """The primary key where it is a whole number."""
        number = self.object_id
        return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None

    def holds(self, now: float) -> bool:
        """Whether it is in force."""
        return self.begins <= now < self.ends


@dataclass(frozen=True, slots=True)
class Policy:
    """Candidate sources and rules in force; the defaults do nothing and cost nothing."""

    candidates: tuple[str, ...] = DEFAULT
    """Names of the candidate sources."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Scored source -> what it counts in ranking; the source's own weight for those left out."""
    boost: tuple[tuple[Collection, float], ...] = ()
    """What is lifted or buried, and by which factor."""
    hide: tuple[Collection, ...] = ()
    """What is never shown."""
    at_most: Mapping[str, int] = field(default_factory=dict)
    """Category -> how many items may share a label of it."""
    diversity: float = 0.0
    """From 0, the most relevant, to 1, the most different from each other."""
    minimum: float | None = None
    """How near to what the visitor did an item must be, as a cosine; None is no minimum."""
    rotation: Rotation | None = None
    pins: tuple[Place, ...] = ()
    """Items with a fixed place, by position."""


class Rules(TypedDict, total=False):
    """What a call may say otherwise than its scenario, as `recommend(…, diversity=0.3)`."""

    candidates: Sequence[str]
    weights: Mapping[str, float]
    boost: Mapping[str, float] | Sequence[tuple[Collection, float]]
    hide: Sequence[Collection]
    at_most: Mapping[str, int]
    diversity: float
    minimum: float | None
    rotation: Mapping[str, float] | None


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `Policy` from options as a site writes them; options that are none of its business are passed over.

    Raises:
        BadRule: for the first option that makes no sense.
    """
    if not options:
        return {}
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


def _weights(value: Any) -> dict[str, float]:
    words = _("“weights” maps candidate sources that are scored to numbers from 0 to 100, as in {“bought”: 0.5}.")
    if not isinstance(value, Mapping):
        raise BadRule("weights", words)
    try:
        known = sources_named(list(value))
    except NotRegistered as error:
        raise BadRule("weights", str(error)) from error
    if not all(source.scored for source in known):
        raise BadRule("weights", words)
    return {name: _number("weights", weight, 0, 100, words) for name, weight in value.items()}


def _boost(value: Any) -> tuple[tuple[Collection, float], ...]:
    words = _("“boost” maps collections of an item source to factors from 0 to 1000, as in {“on_sale”: 1.5}.")
    try:
        pairs = [(one, factor) for one, factor in (value.items() if isinstance(value, Mapping) else value)]
    except (TypeError, ValueError):
        raise BadRule("boost", words) from None
    return tuple((_collection("boost", one), _number("boost", factor, 0, MOST_FACTOR, words)) for one, factor in pairs)


def _hide(value: Any) -> tuple[Collection, ...]:
    if not isinstance(value, list | tuple):
        raise BadRule("hide", _("“hide” is a list of collections of an item source, as in [“clearance”]."))
    return tuple(_collection("hide", collection) for collection in value)


def _collection(option: str, value: Any) -> Collection:
    if not isinstance(value, str | QuerySet):
        raise BadRule(option, _("A collection is a name or a queryset."))
    try:
        check(value)
    except NotRegistered as error:
        raise BadRule(option, str(error)) from error
    return value


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
    "weights": _weights,
    "boost": _boost,
    "hide": _hide,
    "at_most": _at_most,
    "diversity": _diversity,
    "minimum": _minimum,
    "rotation": _rotation,
}

OPTIONS = frozenset(_READERS)
"""Names of the options that are read here."""
