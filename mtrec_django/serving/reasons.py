"""Why an item is shown: as data, and as a sentence in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext_lazy as _

from ..inference.blend import FRESH, PERSONAL, POPULAR, TEXT, TOGETHER
from ..inference.polarity import says_no
from ..retrieval.candidates import NEW, TRENDING
from ..retrieval.found import Candidates
from ..retrieval.item_to_item import SIMILAR, VIEWED
from ..retrieval.ranking import Ranking
from ..retrieval.sources import registered_sources
from .query import History

Floats = npt.NDArray[np.float32]

PINNED = "pinned"
"""Put into its place by hand."""
AGAIN = "again"
"""Met before, and mostly for that."""

_BECAUSE: dict[str, Promise] = {
    "purchase": _("Because you bought {item}"),
    "cart": _("Because you chose {item}"),
    "like": _("Because you liked {item}"),
    "rating": _("Because you rated {item}"),
}


def _fill(sentence: str | Promise, item: str) -> str:
    return str(sentence).format(item=item)


_filled = lazy(_fill, str)


def _is_empty(words: str | Promise) -> bool:
    """Without a look at a lazy text, which would translate it."""
    return isinstance(words, str) and not words


@dataclass(frozen=True, slots=True)
class Reason:
    """Which source speaks for an item, and which item of the history it speaks of."""

    source: str
    because: str = ""  # title
    kind: str = ""  # of the event on that item

    def itself(self) -> Reason:
        """Where a reason is to be found by a call."""
        return self

    @property
    def sentence(self) -> str | Promise:
        """Translated when it is rendered."""
        if self.source == PINNED:
            return _("Our choice")
        if self.source == AGAIN:
            return _("You bought this before") if self.kind == "purchase" else _("You looked at this before")
        source = registered_sources().get(self.source)
        if source is None:
            return _("Recommended")
        if self.because and not _is_empty(source.reason_with):
            named = _BECAUSE.get(self.kind) if self.source in {PERSONAL, VIEWED} else None
            return _filled(named or source.reason_with, self.because)
        return _("Recommended") if _is_empty(source.reason) else source.reason


def explain(
    found: Candidates,
    ranking: Ranking,
    at: int,
    history: History,
    pulls: Callable[[], Floats],
    *,
    on_page: int | None = None,
) -> Reason:
    """The reason of the candidate in position `at`: the feature that lifted it most above the others.

    Args:
        pulls: how far each event of the history moves the query vector; asked for where it matters. [events, dim]
        on_page: the item that the page is about.
    """
    if not ranking.parts:
        if found.trending[at] > 0:
            return Reason(TRENDING)
        return Reason(POPULAR if POPULAR in found.found_by[at] else NEW)
    strongest = max(ranking.parts, key=lambda name: ranking.parts[name][at])
    partner = int(found.partners[strongest][at]) if strongest in found.partners else -1
    if partner >= 0 and not says_no(history.kinds[partner]):
        return _because(strongest, history, partner, int(found.items[at]))
    if strongest in (PERSONAL, TOGETHER, TEXT):
        alike = found.alike(at) if strongest == TEXT else None
        speaking = _weightiest(pulls() @ found.vectors[at] if alike is None else alike, history)
        if speaking is None:
            return _unasked(found, at)
        source = SIMILAR if history.items[speaking] == on_page else PERSONAL
        return _because(source, history, speaking, int(found.items[at]))
    return Reason(NEW if strongest == FRESH else strongest)


def _because(source: str, history: History, event: int, item: int) -> Reason:
    """The reason that an event of the history gives; where it is one with the very item, that."""
    if history.items[event] == item:
        return Reason(AGAIN, kind=history.kinds[event])
    return Reason(source, history.titles[event], history.kinds[event])


def _weightiest(parts: Floats, history: History) -> int | None:
    """The event of the history that adds most to the score; `parts` is what each adds. [events]"""
    if not len(history):
        return None
    refused = np.fromiter(map(says_no, history.kinds), np.bool_, len(history))
    adding = np.where((parts > 0) & ~refused, parts, 0)
    most = int(adding.argmax())
    return most if adding[most] else None


def _unasked(found: Candidates, at: int) -> Reason:
    """Of an item that nothing in the history speaks for."""
    return Reason(POPULAR if POPULAR in found.found_by[at] else PERSONAL)
