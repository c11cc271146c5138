"""What a scenario would show to somebody, beside what that visitor did last. Nothing is stored of looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..api.objects import image_url
from ..catalog.registry import source_for
from ..models import Feedback, Item, Scenario, Visitor
from ..serving.recommender import recommend_for
from .events import visitors_called

N = 12
LATEST = 25


@dataclass(frozen=True, slots=True)
class Shown:
    """One recommended object."""

    item: Item | None
    title: str
    image: str
    recommendation: Any


def preview(scenario: Scenario, term: str) -> dict[str, Any]:
    """The answer for the visitor of that name; for a guest of whom nothing is known where none is named."""
    visitor = visitors_called(term).select_related("user").first() if term else None
    if term and visitor is None:
        return {"term": term, "unknown": True}
    answer = recommend_for(visitor, scenario.name, n=N)
    items = Item.objects.defer("text").in_bulk([one.item for one in answer.recommendations])
    shown = [_shown(obj, items.get(obj.recommendation.item)) for obj in answer]
    return {
        "term": term,
        "visitor": visitor,
        "answer": answer,
        "shown": shown,
        "pictures": any(one.image for one in shown),
        "events": _latest(visitor) if visitor else [],
    }


def _shown(obj: Any, item: Item | None) -> Shown:
    return Shown(item, str(item or obj), image_url(source_for(obj), obj, item), obj.recommendation)


def _latest(visitor: Visitor) -> list[Feedback]:
    rows = visitor.feedback.select_related("item", "scenario").defer("item__text")
    return list(rows.order_by("-time")[:LATEST])
