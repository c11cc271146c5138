"""The candidate sources by their names.

A site adds one by subclassing `CandidateSource` and registering it, and names it in a scenario:

    @register_source
    class Clearance(CandidateSource):
        name = "clearance"
        reason = "Reduced"

        def select(self, ask):
            ranked = Fragment("select item_id, saving as strength from shop_clearance")
            return ask.first(ranked, self.limit)

    Scenario("home", candidates=["personal", "popular", "clearance"])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.utils.translation import gettext as _

from ..exceptions import NotRegistered
from ..inference.blend import PERSONAL, POPULAR, TOGETHER
from .candidates import NEW, TRENDING, CandidateSource, New, Personal, Popular, Together, Trending
from .item_to_item import Bought, Similar, Viewed
from .visitor_to_visitor import People, Visitors

Source = TypeVar("Source", bound=type[CandidateSource])

_sources: dict[str, CandidateSource] = {}


def register_source(source: Source) -> Source:
    """Make a source known by its name; a class decorator."""
    _sources[source.name] = source()
    return source


for _source in (Personal, Together, Popular, Trending, New, Similar, Viewed, Bought, People, Visitors):
    register_source(_source)

DEFAULT = (PERSONAL, TOGETHER, POPULAR)
"""What is ranked, unless the scenario's options say otherwise: what the learner weighed on validation."""

COUNTS = (TRENDING, POPULAR, NEW)
"""What there is without a version, and what completes a list that came out short."""


def registered_sources() -> dict[str, CandidateSource]:
    """All of them by name."""
    return dict(_sources)


def sources_named(names: Sequence[str]) -> list[CandidateSource]:
    """The sources by their names.

    Raises:
        NotRegistered: for a name that nobody registered.
    """
    if unknown := [name for name in names if name not in _sources]:
        words = {"name": unknown[0], "names": sorted(_sources)}
        raise NotRegistered(_("No candidate source %(name)r; registered are %(names)s.") % words)
    return [_sources[name] for name in names]
