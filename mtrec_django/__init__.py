"""Recommendations inside a Django site, from the Postgres it already runs.

The public names are loaded on first use, so that importing the package stays light and needs no configured Django.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog.item_source import ItemSource
    from .catalog.pinned import Pinned
    from .catalog.registry import register
    from .catalog.scenarios import Scenario
    from .events.history import Event
    from .events.tokens import visitor_token
    from .events.tracking import track
    from .jobs.batch import recommend_batch
    from .retrieval.candidates import CandidateSource
    from .retrieval.sources import register_source
    from .serving.neighbours import similar_visitors
    from .serving.recommender import arecommend, asimilar_items, recommend, similar_items

__version__ = "0.1.0"

_HOMES = {
    "CandidateSource": "retrieval.candidates",
    "Event": "events.history",
    "ItemSource": "catalog.item_source",
    "Pinned": "catalog.pinned",
    "Scenario": "catalog.scenarios",
    "arecommend": "serving.recommender",
    "asimilar_items": "serving.recommender",
    "recommend": "serving.recommender",
    "recommend_batch": "jobs.batch",
    "register": "catalog.registry",
    "register_source": "retrieval.sources",
    "similar_items": "serving.recommender",
    "similar_visitors": "serving.neighbours",
    "track": "events.tracking",
    "visitor_token": "events.tokens",
}

__all__ = [
    "CandidateSource",
    "Event",
    "ItemSource",
    "Pinned",
    "Scenario",
    "arecommend",
    "asimilar_items",
    "recommend",
    "recommend_batch",
    "register",
    "register_source",
    "similar_items",
    "similar_visitors",
    "track",
    "visitor_token",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
