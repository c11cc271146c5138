"""Two versions side by side: their figures, settings and data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..models import ModelVersion
from .figures import OWN, label


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of both versions."""

    name: str
    a: float | None
    b: float | None

    @property
    def change(self) -> float | None:
        """By how much b is above a, in percent."""
        return 100 * (self.b / self.a - 1) if self.a and self.b is not None else None


def compare(a: ModelVersion, b: ModelVersion) -> dict[str, Any]:
    """Figures by scenario, and the settings in which the two differ."""
    names = [name for name in a.metrics if name in b.metrics]
    return {
        "a": a,
        "b": b,
        "scenarios": [(name, _lines(a, b, name)) for name in names],
        "only_one": sorted({*a.metrics, *b.metrics} - set(names)),
        "settings": [
            (name, a.settings.get(name, "–"), b.settings.get(name, "–"))
            for name in dict.fromkeys([*a.settings, *b.settings])
            if a.settings.get(name) != b.settings.get(name)
        ],
    }


def _lines(a: ModelVersion, b: ModelVersion, scenario: str) -> list[Line]:
    left, right = (version.metrics[scenario].get(OWN, {}) for version in (a, b))
    return [
        Line(label(name), left.get(name), right.get(name))
        for name in dict.fromkeys([*left, *right])
        if isinstance(left.get(name, right.get(name)), int | float)
    ]
