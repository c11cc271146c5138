"""How a site describes one of its models to the recommender."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage
from django.db.models import Model, QuerySet

from .paths import Path, find_field, flatten, resolve, values
from .plaintext import plain

if TYPE_CHECKING:
    from ..events.history import Event

Entry = str | Callable[[Any], Any]
"""A path through relations ("brand__name"), the name of a method of the source or of the model, or a callable."""


@dataclass(frozen=True, slots=True)
class ItemFields:
    """What is known of one object. What is missing stays missing: no empty label, no zero in place of a number."""

    title: str = ""
    text: str = ""
    categories: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    image: str = ""


class ItemSource:
    """Subclass it, name what describes an object, and register it for a model, like a ModelAdmin:

        @register(Product)
        class Products(ItemSource):
            text = ["title", "description", "brand__name"]
            categories = ["category__name", "tags__name"]
            numbers = ["price"]

            def available(self):
                return Product.objects.filter(stock__gt=0)

    Each entry is a path through relations, the name of a method of this class (called with the object) or of the
    model, or a callable (called with the object). A path through a to-many relation gives several values.
    """

    text: Sequence[Entry] = ()
    """What the text encoder reads, in this order; markup is taken out."""
    categories: Sequence[Entry] = ()
    """Labels: brand, category, tags, author."""
    numbers: Sequence[Entry] = ()
    """Price, length, year; dates become unix seconds, several values their mean."""
    image: Entry | None = None
    """The picture: an image field, or anything that gives an address or a storage name."""
    title: Entry | None = None
    """What the item is called in the admin; the first text entry when not given."""
    collections: Sequence[str] = ()
    """Names of methods that give a queryset, as ["on_sale"]: what rules may boost, bury or hide."""
    lookup: str = "pk"
    """The field by which data folders and the API name an object, as "sku"; unique."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.label}>"

    @property
    def label(self) -> str:
        """The model in one word, as "shop.product"."""
        return self.model._meta.label_lower

    def available(self) -> QuerySet[Any]:
        """What may be shown right now.

        Asked again at each answer and pushed into the query, so it must be filterable: no slice, no union.
        """
        return self.model._default_manager.all()

    def queryset(self) -> QuerySet[Any]:
        """What a sync reads: the catalogue. An object outside it is no item. Fetches what the declared paths need."""
        queryset = self.model._default_manager.all()
        if selected := {path.select for path in self._paths.values() if path.select}:
            queryset = queryset.select_related(*sorted(selected))
        return queryset.prefetch_related(*sorted({path.prefetch for path in self._paths.values() if path.prefetch}))

    def collection(self, name: str) -> QuerySet[Any] | None:
        """The objects of one of `collections`; None for a name that is not among them."""
        found: QuerySet[Any] | None = getattr(self, name)() if name in self.collections else None
        return found

    def history(self) -> Iterator[Event]:
        """The events the site already has, for `mtrec_import --history`; any order, one at a time."""
        return iter(())

    def url(self, obj: Any) -> str:
        """Where a visitor finds the object; empty when it has no page."""
        return str(obj.get_absolute_url()) if hasattr(obj, "get_absolute_url") else ""

    def describe(self, obj: Any) -> ItemFields:
        """What is known of one object."""
        parts = [part for entry in self.text if (part := _prose(self.read(obj, entry)))]
        title = _prose(self.read(obj, self.title)) if self.title else next(iter(parts), "")
        return ItemFields(
            title=title or str(obj),
            text="\n".join(parts),
            categories={
                name_of(entry): found for entry in self.categories if (found := _labels(self.read(obj, entry)))
            },
            numbers={name_of(e): mean for e in self.numbers if (mean := _mean(self.read(obj, e))) is not None},
            image=next(iter(_labels(self.read(obj, self.image))), "") if self.image else "",
        )

    def read(self, obj: Any, entry: Entry) -> list[Any]:
        """The values of one entry for one object."""
        if callable(entry):
            return list(flatten(entry(obj)))
        if (method := self.method(entry)) is not None:
            return list(flatten(method(obj)))
        return values(obj, self._paths[entry].steps if entry in self._paths else tuple(entry.split("__")))

    def method(self, name: str) -> Callable[[Any], Any] | None:
        """The method of this class that an entry names, unless the model has a field of this name."""
        return getattr(self, name) if self.defines(name) and not find_field(self.model, name) else None

    def defines(self, name: str) -> bool:
        """Whether this class adds a method of this name."""
        return not hasattr(ItemSource, name) and callable(getattr(type(self), name, None))

    def entries(self) -> list[tuple[str, Entry]]:
        """Every declared entry with the attribute it stands in."""
        found = [(name, entry) for name in ("text", "categories", "numbers") for entry in getattr(self, name)]
        return found + [(name, entry) for name in ("image", "title") if (entry := getattr(self, name))]

    @cached_property
    def _paths(self) -> dict[str, Path]:
        """The entries that are paths of the model itself; what only `queryset` adds (annotations) is not among them."""
        found = {}
        for _, entry in self.entries():
            if isinstance(entry, str) and self.method(entry) is None:
                try:
                    found[entry] = resolve(self.model, entry)
                except LookupError:  # an annotation, or misspelt, which is the system check's to say
                    continue
        return found

    def check(self) -> list[CheckMessage]:
        """What is wrong with this declaration, as system-check messages."""
        from .source_checks import check_source

        return check_source(self)


def name_of(entry: Entry) -> str:
    """What a category or number is called: its path, or the callable's name."""
    return entry if isinstance(entry, str) else getattr(entry, "__name__", type(entry).__name__)


def _prose(found: list[Any]) -> str:
    return " ".join(text for value in found if (text := plain(str(value))))


def _labels(found: list[Any]) -> list[str]:
    """Different texts as they stand, without empty ones."""
    texts = (str(value).replace("\x00", "").strip() for value in found)
    return list(dict.fromkeys(text for text in texts if text))


def _mean(found: list[Any]) -> float | None:
    numbers = [number for value in found if (number := _number(value)) is not None]
    return math.fsum(numbers) / len(numbers) if numbers else None


def _number(value: Any) -> float | None:
    """A finite number, or None for what is none."""
    if isinstance(value, datetime.datetime):
        value = value.timestamp()
    elif isinstance(value, datetime.date):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC).timestamp()
    elif isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    elif not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
