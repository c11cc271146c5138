"""How long an answer may take: `MTREC["BUDGET_MS"]`, kept by the database's own statement timeout.

What is best may take three fifths of it. Then the fallback has its turn, and whatever is known by then is the answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..conf import get_config

FOR_THE_BEST = 0.6
"""Share of the budget that goes to what the visitor did and to the candidates of the version."""
LEAST = 0.1
"""Share of the budget that every later step has, however late it is."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The time of one answer; without a limit when `seconds` is 0."""

    seconds: float
    begun: float

    @classmethod
    def begin(cls) -> Budget:
        """The clock runs from now."""
        return cls(get_config().BUDGET_MS / 1000, time.monotonic())

    @property
    def for_the_best(self) -> dict[str, str | float]:
        """Settings of a statement that asks for the best there is."""
        return self._left(FOR_THE_BEST)

    @property
    def for_the_rest(self) -> dict[str, str | float]:
        """Settings of a statement without which there is no answer."""
        return self._left(1.0)

    def _left(self, share: float) -> dict[str, str | float]:
        if not self.seconds:
            return {}
        left = self.begun + share * self.seconds - time.monotonic()
        # Rounded, since psycopg remembers the texts of statements that it has parsed
        return {"statement_timeout": max(1, round(float(f"{1000 * max(left, LEAST * self.seconds):.2g}")))}
