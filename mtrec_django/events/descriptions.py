"""What a site tells of its users: labels and numbers that move their recommendations where that proves to help."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from ..catalog.sync import CHUNK, Progress, chunks
from ..conf import get_config
from ..models import Visitor
from .validation import storable

Features = dict[str, str | float | list[str]]


def describe(visitor: Visitor) -> bool:
    """Ask `MTREC["DESCRIBE_USER"]` about a signed-in visitor and keep what it says; whether anything changed.

    Raises:
        ValueError: when it says what is neither text, number, yes or no, nor a list of texts.
    """
    tell = get_config().describe_user()
    if tell is None or visitor.user is None:
        return False
    told = {**visitor.features, **sound(tell(visitor.user))}
    if told == visitor.features:
        return False
    visitor.features = told
    Visitor.objects.filter(pk=visitor.pk).update(features=told)
    return True


def describe_all(progress: Progress | None = None) -> int:
    """Ask about every signed-in visitor; how many changed."""
    if get_config().describe_user() is None:
        return 0
    users = Visitor.objects.filter(user__isnull=False).order_by("pk")
    changed = done = 0
    for chunk in chunks(users.values_list("pk", flat=True).iterator(chunk_size=CHUNK), CHUNK):
        for visitor in Visitor.objects.filter(pk__in=chunk).select_related("user"):
            changed += describe(visitor)
        done += len(chunk)
        if progress:
            progress("Describing users", done, 0)
    return changed


def sound(told: Mapping[str, Any]) -> Features:
    """Names and values as they are stored; what is None is not known and left out.

    Raises:
        ValueError: for a value that is none of those.
    """
    return {storable(str(name)): _sound(name, value) for name, value in told.items() if value is not None}


def _sound(name: str, value: Any) -> str | float | list[str]:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return [storable(each) for each in value]
    raise ValueError(f"Feature {name!r} of a user is {value!r}: neither text, number, yes or no, nor a list of texts.")
