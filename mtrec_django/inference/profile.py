"""What is known of a visitor besides his events, as numbers of rows of a table. Worker and web process agree."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FRIENDS = 50
"""Ties of a visitor that count: the strongest."""

FRIEND_EVENTS = 10
"""Last events of each that count."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every label and every range of numbers that a version has a row for."""

    labels: dict[str, dict[str, int]] = field(default_factory=dict)  # field -> label -> row
    edges: dict[str, list[float]] = field(default_factory=dict)  # field -> where its ranges end
    first: dict[str, int] = field(default_factory=dict)  # field -> row of its first range

    @property
    def size(self) -> int:
        """Rows in all."""
        return sum(map(len, self.labels.values())) + sum(len(edges) + 1 for edges in self.edges.values())

    def rows(self, features: Mapping[str, Any]) -> list[int]:
        """The rows of one visitor; what the version never saw is passed over, whatever it is."""
        found = []
        for name, value in features.items():
            known = self.labels.get(name, {})
            labels = map(str, value if isinstance(value, list) else [value])
            found += [known[label] for label in labels if label in known]
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if name in self.edges and number:
                found.append(self.first[name] + bisect_right(self.edges[name], value))
        return found

    def to_json(self) -> dict[str, Any]:
        """A plain dict; `from_json` reads it."""
        return {"labels": self.labels, "edges": self.edges, "first": self.first}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Read a stored one; nothing is an empty one."""
        return cls(data.get("labels", {}), data.get("edges", {}), data.get("first", {}))
