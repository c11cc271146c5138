"""The site's objects as the API names them: by the label of their model and their source's `lookup` field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.files.storage import default_storage
from django.db.models import Field, Model
from django.db.models.fields.files import FieldFile

from ..catalog.item_source import ItemSource
from ..catalog.registry import source_for, sources
from ..exceptions import NotRegistered


def source_called(label: str) -> ItemSource | None:
    """The source of a label; with an empty label the only one there is."""
    if not label:
        known = list(sources().values())
        return known[0] if len(known) == 1 else None
    try:
        return source_for(label)
    except NotRegistered:
        return None


def find(source: ItemSource, values: Iterable[str]) -> dict[str, Model]:
    """The objects of a source by what the caller called them; names of none are left out. One query."""
    cleaned = {value: key for value in dict.fromkeys(values) if (key := _clean(source, value)) is not None}
    if not cleaned:
        return {}
    rows = source.queryset().filter(**{f"{source.lookup}__in": list(cleaned.values())})
    by_key = {lookup_of(source, obj): obj for obj in rows}
    return {value: by_key[str(key)] for value, key in cleaned.items() if str(key) in by_key}


def lookup_of(source: ItemSource, obj: Model) -> str:
    """What the API calls an object."""
    found: Any = obj
    for step in source.lookup.split("__"):
        found = getattr(found, step)
    return str(found)


def _clean(source: ItemSource, value: str) -> Any:
    """The value as the lookup field has it; None for what no object is called (a word for a number, …)."""
    if "\x00" in value or not value.isprintable():
        return None
    field = _field(source)
    if field is None:
        return value
    try:
        return field.clean(value, None)
    except ValidationError:
        return None


def _field(source: ItemSource) -> Field[Any, Any] | None:
    meta = source.model._meta
    name = meta.pk.name if source.lookup == "pk" and meta.pk else source.lookup
    try:
        field = meta.get_field(name)
    except FieldDoesNotExist:  # a path through relations
        return None
    return field if isinstance(field, Field) else None


def image_url(source: ItemSource, obj: Model, stored: str) -> str:
    """The address of an object's picture, of which the catalogue has `stored`; empty when it has none."""
    name = source.image
    value = getattr(obj, name, None) if isinstance(name, str) and name.isidentifier() else None
    if isinstance(value, FieldFile):
        return str(value.url) if value else ""
    if not stored or stored.startswith(("http://", "https://", "/", "data:")):
        return stored
    return str(default_storage.url(stored))
