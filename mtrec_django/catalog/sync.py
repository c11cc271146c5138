"""Bring the site's models into the items table: streaming, only what differs, safe to run twice at once.

Saved and deleted objects are caught up on commit by `mtrec_django.receivers`; whatever sends no signal (bulk updates, a
renamed brand that is part of a product's text) by the next `sync`. Encoding the texts is not done here: a job compares
`Item.text_hash` with the hash that was encoded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, router, transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils import timezone

from ..models import Feedback, Item, ItemVector, ModelVersion
from .item_source import ItemFields, ItemSource
from .registry import source_for, sources

CHUNK = 1000

Progress = Callable[[str, int, int], Any]
"""`(step, done, total)`; a total of 0 is unknown."""

_WRITTEN = ["title", "text", "text_hash", "categories", "numbers", "image", "available"]


@dataclass
class SourceReport:
    """What a sync did for one source."""

    read: int = 0
    created: int = 0
    changed: int = 0
    texts: int = 0  # items whose text is new or another than before: what is left to encode
    deleted: int = 0  # gone from the site, without feedback
    retired: int = 0  # gone from the site, kept as not available since their feedback still teaches


@dataclass
class SyncReport:
    """What a sync did, by source."""

    sources: dict[str, SourceReport] = field(default_factory=dict)

    @property
    def texts(self) -> int:
        """How many items have text that is not encoded yet because of this sync."""
        return sum(report.texts for report in self.sources.values())

    def as_dict(self) -> dict[str, dict[str, int]]:
        """For JSON."""
        return {label: asdict(report) for label, report in self.sources.items()}


def sync(labels: Iterable[str] | None = None, progress: Progress | None = None) -> SyncReport:
    """Bring whole catalogues in; all of them without `labels`. Raises NotRegistered for a label nobody registered.

    With all of them, items whose source is registered no more, or never was, are not available either.
    """
    chosen = [source_for(label) for label in labels] if labels else list(sources().values())
    if not labels:
        retire_strangers()
    return SyncReport({source.label: _sync_source(source, progress) for source in chosen})


def sync_objects(label: str, pks: Iterable[Any]) -> SourceReport:
    """Bring single objects in, and take out those that are gone from the catalogue."""
    source = source_for(label)
    report = SourceReport()
    for chunk in chunks(_keys(source.model, pks), CHUNK):
        objects = list(source.queryset().filter(pk__in=chunk))
        _write(source, objects, report)
        _retire(source.label, {str(pk) for pk in chunk} - {str(obj.pk) for obj in objects}, report)
    return report


def retire_strangers() -> int:
    """Mark items of sources that nobody registers as not available: no object can be shown for them. How many."""
    strange = Item.objects.exclude(source__in=sources()).filter(available=True)
    labels = list(strange.order_by().values_list("source", flat=True).distinct())
    retired = strange.update(available=False, updated_at=timezone.now())
    for label in labels:
        copy_availability(label)
    return retired


def item_for(obj: Model | Item, create: bool = False) -> Item | None:
    """The item of an object; made on the spot with `create`. Raises NotRegistered when its model is no source."""
    if isinstance(obj, Item):
        return obj
    source = source_for(obj)
    if obj.pk is None:
        return None
    item = Item.objects.filter(source=source.label, object_id=str(obj.pk)).first()
    return _create(source, obj) if item is None and create else item


def text_hash(text: str) -> str:
    """SHA-256 of a text in hexadecimal; empty for no text, which needs no encoding."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def copy_availability(label: str, items: Iterable[int] | None = None) -> None:
    """Make the copies of `available` beside the vectors right, in every version: of one source, or of some items."""
    live = ModelVersion.objects.exclude(status__in=[ModelVersion.Status.PRUNED, ModelVersion.Status.FAILED])
    versions = list(live.filter(kind=ModelVersion.Kind.BASE).values_list("pk", flat=True))
    chosen = None if items is None else list(items)
    if not versions or chosen == []:
        return
    with connections[router.db_for_write(ItemVector)].cursor() as cursor:
        cursor.execute(
            """
            update mtrec_itemvector v set available = i.available
            from mtrec_item i
            where v.version_id = any(%s) and i.source = %s and i.id = v.item_id and v.available <> i.available
                and (%s::bigint[] is null or v.item_id = any(%s::bigint[]))
            """,
            [versions, label, chosen, chosen],
        )


def chunks(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of up to `size` rows."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _sync_source(source: ItemSource, progress: Progress | None) -> SourceReport:
    report = SourceReport()
    queryset = source.queryset()
    total = queryset.count() if progress else 0
    for objects in _by_key(queryset):
        _write(source, objects, report)
        if progress:
            progress(f"Reading {source.label}", report.read, total)
    for items in _by_key(Item.objects.filter(source=source.label).only("object_id")):
        keys = _keys(source.model, [item.object_id for item in items])
        there = {str(pk) for pk in source.queryset().filter(pk__in=keys).values_list("pk", flat=True)}
        _retire(source.label, {item.object_id for item in items} - there, report)
    copy_availability(source.label)
    return report


def _by_key(queryset: QuerySet[Any]) -> Iterator[list[Any]]:
    """A table in chunks by primary key: no cursor is held open, nothing but the chunk is in memory."""
    queryset = queryset.order_by("pk")
    chunk = list(queryset[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(queryset.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def _write(source: ItemSource, objects: list[Any], report: SourceReport) -> None:
    """Upsert the items of some objects, those that differ only."""
    described = {str(obj.pk): source.describe(obj) for obj in objects}
    shown = source.available().filter(pk__in=[obj.pk for obj in objects]).values_list("pk", flat=True)
    available = {str(pk) for pk in shown}
    rows = Item.objects.filter(source=source.label, object_id__in=described).defer("text")
    before = {item.object_id: item for item in rows}
    report.read += len(described)
    differing = []
    moved = []
    for object_id, fields in described.items():
        item = _item(source.label, object_id, fields, object_id in available)
        old = before.get(object_id)
        if old is not None and all(getattr(old, name) == getattr(item, name) for name in _WRITTEN if name != "text"):
            continue
        differing.append(item)
        report.created += old is None
        report.changed += old is not None
        report.texts += item.text_hash != (old.text_hash if old else "")
        if old is not None and old.available != item.available:
            moved.append(old.pk)
    _upsert(differing)
    copy_availability(source.label, moved)


def _item(label: str, object_id: str, fields: ItemFields, available: bool) -> Item:
    return Item(
        source=label,
        object_id=object_id,
        title=fields.title[:255],
        text=fields.text,
        text_hash=text_hash(fields.text),
        categories=fields.categories,
        numbers=fields.numbers,
        image=fields.image[:500],
        available=available,
    )


def _upsert(items: list[Item]) -> None:
    """In one order everywhere, so that two syncs at once wait for each other and never lock each other out."""
    Item.objects.bulk_create(
        sorted(items, key=lambda item: item.object_id),
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["source", "object_id"],
        update_fields=[*_WRITTEN, "updated_at"],
    )


def _create(source: ItemSource, obj: Model) -> Item:
    """The item of an object that no sync has seen: a new one, or one outside the catalogue, which is never shown."""
    sync_objects(source.label, [obj.pk])
    bare = {"title": str(obj)[:255], "available": False}
    item, _ = Item.objects.get_or_create(source=source.label, object_id=str(obj.pk), defaults=bare)
    return item


def _retire(label: str, object_ids: set[str], report: SourceReport) -> None:
    """Take out the items of objects that are gone: deleted, or kept as not available when visitors have met them."""
    if not object_ids:
        return
    with transaction.atomic(using=router.db_for_write(Item)):
        # The lock holds off new feedback, which would be lost with the item.
        gone = Item.objects.select_for_update().filter(source=label, object_id__in=object_ids).order_by("pk")
        keys = list(gone.values_list("pk", flat=True))
        unmet = Item.objects.filter(~Exists(Feedback.objects.filter(item=OuterRef("pk"))), pk__in=keys)
        doomed = list(unmet.values_list("pk", flat=True))
        ItemVector.objects.filter(item__in=doomed).delete()
        Item.objects.filter(pk__in=doomed).delete()
        kept = set(keys) - set(doomed)
        now = timezone.now()
        report.deleted += len(doomed)
        report.retired += Item.objects.filter(pk__in=kept, available=True).update(available=False, updated_at=now)
        copy_availability(label, kept)


def _keys(model: type[Model], values: Iterable[Any]) -> list[Any]:
    """Primary keys as the model has them; what cannot be one is left out."""
    field = model._meta.pk
    found = []
    for value in values:
        try:
            found.append(field.to_python(value))
        except ValidationError:
            continue
    return found
