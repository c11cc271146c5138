"""Fields for what strangers send."""

from __future__ import annotations

import math
from typing import Any

from rest_framework import serializers


class FiniteFloatField(serializers.FloatField):
    """A number that is one: no infinity, none that is too large to be a float."""

    def to_internal_value(self, data: Any) -> float:
        try:
            number = super().to_internal_value(data)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or isinstance(data, bool):
            self.fail("invalid")
        return number


class PlainCharField(serializers.CharField):
    """Text that a database can hold: no NUL, no half of a surrogate pair."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail("invalid")
        return text
