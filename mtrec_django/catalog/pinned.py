"""Pins declared in code, beside those of the admin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.checks import CheckMessage
from django.db.models import Model, QuerySet
from django.utils import timezone

from ..exceptions import NotRegistered
from .item_source import ItemSource
from .problems import did_you_mean, problem
from .registry import source_for, sources, sources_of

LAST = 100
"""The last place that can be pinned, as in the admin."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """An item with a fixed place, from 1, for a while or for good:

        Scenario("home", pins=[Pinned(1, Products, pk=42), Pinned(2, Products, collection="editors_choice")])

    Of a collection of the item source it is the first object, in the collection's own order, at that very moment.
    """

    position: int
    items: type[ItemSource] | type[Model] | str
    pk: Any = None
    collection: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def source(self) -> ItemSource:
        """Raises NotRegistered for what is no item source, or one of several models."""
        if isinstance(self.items, type) and issubclass(self.items, ItemSource):
            found = sources_of(self.items)
            if len(found) != 1:
                raise NotRegistered(f"{self.items.__name__} is registered for {len(found)} models; name the model.")
            return found[0]
        return source_for(self.items)

    @property
    def first(self) -> QuerySet[Any] | None:
        """The first object of the collection; None where there is no such collection."""
        found = self.source.collection(self.collection)
        return found[:1] if found is not None else None

    @property
    def is_over(self) -> bool:
        """Whether it will never be shown again."""
        return self.ends_at is not None and self.ends_at <= timezone.now()

    def check(self, scenario: object) -> Iterator[CheckMessage]:
        """What is wrong with it, as system-check messages."""

        def wrong(what: str, hint: str = "") -> CheckMessage:
            return problem("E027", f"{scenario!r} pins place {self.position!r}: {what}", hint)

        if type(self.position) is not int or not 1 <= self.position <= LAST:
            yield wrong(f"a place is a whole number from 1 to {LAST}.")
        if (self.pk is None) == (not self.collection):
            yield wrong("it names neither or both of pk and collection.", 'As in Pinned(1, Product, collection="new").')
        for moment in (self.starts_at, self.ends_at):
            if moment is not None and (not isinstance(moment, datetime) or timezone.is_naive(moment)):
                yield wrong(f"{moment!r} is no moment with a time zone.", "As in datetime(2030, 1, 1, tzinfo=UTC).")
                return
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            yield wrong("it ends before it begins.")
        try:
            known = self.source.collections
        except NotRegistered as error:
            yield wrong(str(error), did_you_mean(str(self.items), sources()))
            return
        if self.collection and self.collection not in known:
            yield wrong(f"there is no collection {self.collection!r}.", did_you_mean(self.collection, known))
