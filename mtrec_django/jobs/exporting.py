"""What is known of one visitor, for himself."""

from __future__ import annotations

from typing import Any

from ..models import Feedback, Item, Recommendation, Relation, Visitor


def export_visitor(visitor: Visitor | None) -> dict[str, Any]:
    """All that is stored of a visitor, as JSON can hold it, but for the key, which is a secret like a password; empty
    lists for nobody.
    """
    told: dict[str, Any] = {"visitor": None, "feedback": [], "recommendations": [], "relations": []}
    if visitor is None:
        return told
    return told | {
        "visitor": {
            "user": None if visitor.user_id is None else str(visitor.user_id),
            "external_id": visitor.external_id,
            "features": visitor.features,
            "first_seen": visitor.created_at.isoformat(),
        },
        "feedback": [_event(row) for row in _events(visitor)],
        "recommendations": _answers(visitor),
        "relations": [_tie(row, visitor) for row in _ties(visitor)],
    }


def _events(visitor: Visitor) -> Any:
    rows = Feedback.objects.filter(visitor=visitor).select_related("item", "scenario").defer("item__text")
    return rows.order_by("time", "pk").iterator(chunk_size=2000)


def _event(row: Feedback) -> dict[str, Any]:
    return {
        "time": row.time.isoformat(),
        "kind": row.kind,
        "value": row.value,
        "item": _item(row.item),
        "scenario": row.scenario.name if row.scenario else None,
        "recommendation": str(row.recommendation) if row.recommendation else None,
        "basket": row.basket,
    }


def _answers(visitor: Visitor) -> list[dict[str, Any]]:
    rows = list(Recommendation.objects.filter(visitor=visitor).select_related("scenario").order_by("created_at", "pk"))
    items = Item.objects.defer("text").in_bulk({item for row in rows for item in row.items})
    return [
        {
            "id": str(row.id),
            "time": row.created_at.isoformat(),
            "scenario": row.scenario.name if row.scenario else None,
            "version": row.version_id,
            "arm": row.arm,
            "items": [_item(items[item]) for item in row.items if item in items],
            "scores": row.scores,
            "sources": row.sources,
        }
        for row in rows
    ]


def _item(item: Item) -> dict[str, str]:
    return {"source": item.source, "object_id": item.object_id, "title": item.title}


def _ties(visitor: Visitor) -> Any:
    return Relation.objects.filter(visitor=visitor).order_by("pk") | Relation.objects.filter(other=visitor)


def _tie(row: Relation, visitor: Visitor) -> dict[str, Any]:
    """Without the other's name, who did not ask."""
    return {"kind": row.kind, "weight": row.weight, "direction": "to" if row.visitor_id == visitor.pk else "from"}
