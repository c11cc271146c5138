"""What rules boost, bury or hide: querysets, given as they are or by the name that item sources give them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ..catalog.problems import did_you_mean
from ..catalog.registry import source_for, sources
from ..exceptions import NotRegistered
from .filters import Keys, keys_of

Collection = str | QuerySet
"""The name of one of an item source's `collections`, or a queryset of its model."""


def collection_names() -> list[str]:
    """Every name that a rule may use."""
    return sorted({name for source in sources().values() for name in source.collections})


def check(collection: Collection) -> None:
    """Raises NotRegistered for a name that no item source has, or a queryset whose model is no item source."""
    if isinstance(collection, QuerySet):
        source_for(collection.model)
    elif collection not in (names := collection_names()):
        hint = did_you_mean(collection, names)
        said = _("No item source has a collection %(name)r.") % {"name": collection}
        raise NotRegistered(f"{said} {hint}".strip())


def find(collection: Collection) -> list[QuerySet]:
    """Its querysets: itself, or one for each item source that has a collection of this name."""
    if isinstance(collection, QuerySet):
        return [collection]
    found = (source.collection(collection) for source in sources().values())
    return [queryset for queryset in found if queryset is not None]


def keys_in(collections: Iterable[Collection], using: str) -> tuple[Keys, ...]:
    """What the collections hold, as SQL."""
    return tuple(keys_of(queryset, using) for collection in collections for queryset in find(collection))
