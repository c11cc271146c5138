"""Form fields that a person can write: numbers by name, words, JSON; errors name the line."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

KIND_LENGTH = 32
"""As long as a kind of feedback may be."""


class WeightsField(forms.CharField):
    """Names with numbers, one a line: "purchase = 5"."""

    def __init__(self, *, length: int = KIND_LENGTH, rows: int = 5, **kwargs: Any) -> None:
        self.length = length
        attrs = {"rows": rows, "cols": 40, "class": "vLargeTextField mtrec-lines"}
        super().__init__(**{"widget": forms.Textarea(attrs=attrs), "required": False, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{kind} = {weight:g}" for kind, weight in value.items())
        return value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines()]
        return dict(_weight(number, line, self.length) for number, line in enumerate(lines, 1) if line)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, initial, data)


def _weight(number: int, line: str, length: int) -> tuple[str, float]:
    kind, sign, weight = line.partition("=")
    kind = kind.strip()
    if not sign or not kind or len(kind) > length:
        said = _("Line %(number)d: write a name and a number, as in “purchase = 5”.")
        raise ValidationError(said, params={"number": number})
    try:
        value = float(weight)
    except ValueError:
        words = {"number": number, "weight": weight.strip()}
        raise ValidationError(_("Line %(number)d: “%(weight)s” is not a number."), params=words) from None
    if not -1e6 < value < 1e6:  # NaN fails this too
        raise ValidationError(_("Line %(number)d: the number is out of range."), params={"number": number})
    return kind, int(value) if value == int(value) else value


class WordsField(forms.CharField):
    """A list of words, with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        words = [word.strip() for word in (super().to_python(value) or "").split(",")]
        return list(dict.fromkeys(word for word in words if word))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, initial, data)


def _differs(field: forms.Field, initial: Any, data: Any) -> bool:
    """Whether what was written means something else, however it is spaced."""
    try:
        return bool(field.to_python(data) != (initial or field.to_python("")))
    except ValidationError:
        return True


class PrettyJSON(json.JSONEncoder):
    """JSON with one entry a line, as a person would write it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "indent": 2, "ensure_ascii": False})
