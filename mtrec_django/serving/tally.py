"""How many lists were given with consent, without, and to robots: numbers alone, nothing of anybody.

Counted in the process and written now and then, so that a page that stores nothing of its visitor waits for nothing.
What a process counted in its last minute is lost with it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import date

from django.utils import timezone

from ..retrieval.statement import Fragment, compose

KINDS = ("consented", "refused", "crawled")

SECONDS = 60.0
"""How long counts stay in the process."""

_counts: Counter[tuple[str, date, str]] = Counter()
_since = float("inf")
_lock = threading.Lock()


def note(scenario: str, kind: str) -> None:
    """One more list of a scenario; the kind is one of `KINDS`."""
    global _since
    with _lock:
        _counts[scenario, timezone.localdate(), kind] += 1
        _since = min(_since, time.monotonic())


def due() -> list[Fragment]:
    """The statement that writes what was counted, when it is time; what is given away is counted no more."""
    return take() if time.monotonic() - _since >= SECONDS else []


def take() -> list[Fragment]:
    """The same at once; nothing where nothing was counted."""
    global _since
    with _lock:
        counts, _since = dict(_counts), float("inf")
        _counts.clear()
    places = list(dict.fromkeys((name, day) for name, day, _kind in counts))
    if not places:
        return []
    # Rows are added, never changed: no request waits for another. The job of the figures adds them up.
    statement = compose(
        "insert into mtrec_tally (scenario_id, day, consented, refused, crawled)"
        " select s.id, t.day, t.consented, t.refused, t.crawled from unnest({names}::text[], {days}::date[],"
        " {consented}::int[], {refused}::int[], {crawled}::int[]) as t (name, day, consented, refused, crawled)"
        " join mtrec_scenario as s on s.name = t.name",
        names=[name for name, _day in places],
        days=[day for _name, day in places],
        **{kind: [counts.get((*place, kind), 0) for place in places] for kind in KINDS},
    )
    return [statement]
