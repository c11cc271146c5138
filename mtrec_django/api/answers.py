"""An answer of the recommender as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urljoin

from django.db import router
from django.utils.encoding import iri_to_uri
from rest_framework.request import Request

from ..catalog.registry import source_for
from ..models import Item
from ..retrieval.statement import compose, longs, read
from ..serving.recommendations import Answer
from .objects import image_url, lookup_of


def as_data(answer: Answer, request: Request, following: str | None = None) -> dict[str, Any]:
    """What `AnswerSerializer` describes. One query, for titles and categories."""
    shown = answer.recommendations
    told = _told([one.item for one in shown])
    here = request.build_absolute_uri(request.path)
    absolute = partial(_absolute, urljoin(here, "/"), here)
    return {
        "id": answer.id,
        "scenario": answer.scenario,
        "title": answer.title,
        "version": answer.version,
        "short": answer.short,
        "next": following,
        "items": [_item(one, told.get(one.item, _NOTHING), absolute) for one in shown],
    }


class _Told(NamedTuple):
    """What the catalogue has of an item."""

    title: str
    categories: str  # JSON
    image: str


_NOTHING = _Told("", "{}", "")


def _told(items: list[int]) -> dict[int, _Told]:
    asked = compose(
        "select id, title, categories::text, image from mtrec_item where id = any({items}::bigint[])",
        items=longs(items),
    )
    (rows,) = read([asked], using=router.db_for_read(Item), again=True)
    return {item: _Told(*told) for item, *told in rows}


def _item(one: Any, told: _Told, absolute: Callable[[str], str]) -> dict[str, Any]:
    source = source_for(one.obj)
    labels = [str(label) for labels in json.loads(told.categories).values() for label in labels]
    return {
        "source": source.label,
        "id": str(one.obj.pk),
        "lookup": lookup_of(source, one.obj),
        "title": told.title or str(one.obj),
        "url": absolute(source.url(one.obj)),
        "click_url": absolute(one.url),
        "image": absolute(image_url(source, one.obj, told.image)),
        "categories": list(dict.fromkeys(labels)),
        "position": one.position,
        "score": float(one.score),
        "candidate_source": one.source,
        "reason": str(one.reason),
        "because": one.because,
    }


def _absolute(origin: str, here: str, url: str) -> str:
    """As `request.build_absolute_uri`, which looks the host up each time."""
    if url.startswith("/") and not url.startswith("//") and "/." not in url:
        return iri_to_uri(origin[:-1] + url) or ""
    return iri_to_uri(urljoin(here, url)) or "" if url else ""
