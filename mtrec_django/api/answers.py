"""An answer of the recommender as plain data."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from django.utils.encoding import iri_to_uri
from rest_framework.request import Request

from ..catalog.registry import source_for
from ..models import Item
from ..serving.recommendations import Answer
from .objects import image_url, lookup_of


def as_data(answer: Answer, request: Request, following: str | None = None) -> dict[str, Any]:
    """What `AnswerSerializer` describes. One query, for titles and categories."""
    shown = answer.recommendations
    items = Item.objects.only("source", "object_id", "title", "categories", "image").in_bulk(
        [one.item for one in shown]
    )
    here = request.build_absolute_uri(request.path)
    return {
        "id": answer.id,
        "scenario": answer.scenario,
        "title": answer.title,
        "version": answer.version,
        "short": answer.short,
        "next": following,
        "items": [_item(one, items.get(one.item), here) for one in shown],
    }


def _item(one: Any, item: Item | None, here: str) -> dict[str, Any]:
    source = source_for(one.obj)
    labels = [str(label) for labels in item.categories.values() for label in labels] if item else []
    return {
        "source": source.label,
        "id": str(one.obj.pk),
        "lookup": lookup_of(source, one.obj),
        "title": str(item or one.obj),
        "url": _absolute(here, source.url(one.obj)),
        "click_url": _absolute(here, one.url),
        "image": _absolute(here, image_url(source, one.obj, item)),
        "categories": list(dict.fromkeys(labels)),
        "position": one.position,
        "score": float(one.score),
        "candidate_source": one.source,
        "reason": str(one.reason),
        "because": one.because,
    }


def _absolute(here: str, url: str) -> str:
    """As `request.build_absolute_uri`, which looks the host up each time."""
    return iri_to_uri(urljoin(here, url)) or "" if url else ""
