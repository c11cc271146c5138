"""Events, items, visitors and ties into a dataset folder, as `mtrec_import` reads it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Coalesce

from ..catalog.item_source import ItemSource
from ..catalog.registry import sources
from ..models import Feedback, Item, Relation, Visitor

CHUNK = 2000

Progress = Callable[[str, int, int], None]


def export_folder(path: str | Path, source: str, progress: Progress | None = None) -> dict[str, int]:
    """Write the events on one source's items, and all that belongs to them; rows by file.

    Objects are named by the source's `lookup`, or by their primary key where no model stands behind them any more.
    Files are written under another name and renamed at the end, so a folder never holds half a file. Times are to the
    second: events that are equal in all fields are one event to a later import.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    names = _names(sources().get(source))
    met = Feedback.objects.filter(item__source=source)
    return {
        "interactions": _write(folder, "interactions", _events(met, names), met.count(), progress),
        "items": _write(folder, "items", _items(source, names), 0, progress),
        "users": _write(folder, "users", _users(met), 0, progress),
        "relations": _write(folder, "relations", _ties(met), 0, progress),
    }


def _names(source: ItemSource | None) -> Callable[[list[str]], dict[str, str]]:
    """Object ids to what the source's `lookup` calls them; those that are gone keep their id."""
    if source is None or source.lookup == "pk":
        return lambda ids: {}
    field = source.model._meta.pk

    def find(ids: list[str]) -> dict[str, str]:
        rows = source.model._default_manager.filter(pk__in=[field.to_python(each) for each in ids])
        return {str(pk): str(name) for pk, name in rows.values_list("pk", source.lookup)}

    return find


def _write(folder: Path, name: str, rows: Iterable[list[Any]], total: int, progress: Progress | None) -> int:
    """The first row names the columns. Returns how many others there were."""
    draft, done = folder / f".{name}.csv.gz.part", -1
    with gzip.open(draft, "wt", encoding="utf-8", newline="", compresslevel=6) as file:
        writer = csv.writer(file)
        for row in rows:
            writer.writerow(row)
            done += 1
            if progress and done % CHUNK == 0:
                progress(f"Writing {name}", done, total)
    draft.rename(folder / f"{name}.csv.gz")
    if progress:
        progress(f"Writing {name}", done, done)
    return done


def _events(met: QuerySet[Feedback], names: Callable[[list[str]], dict[str, str]]) -> Iterator[list[Any]]:
    yield ["user_id", "item_id", "scenario", "event", "value", "timestamp", "basket"]
    rows = met.annotate(who=_name("visitor__"))
    columns = ("pk", "who", "item__object_id", "scenario__name", "kind", "value", "time", "basket")
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:CHUNK]):
        known = names(list({row[2] for row in chunk}))
        for pk, who, object_id, scenario, kind, value, time, basket in chunk:
            seconds = int(time.timestamp())
            yield [who, known.get(object_id, object_id), scenario or "", kind, _number(value), seconds or "", basket]
            last = pk


def _items(source: str, names: Callable[[list[str]], dict[str, str]]) -> Iterator[list[Any]]:
    rows = Item.objects.filter(source=source).order_by("pk")
    labels = sorted(_keys(rows, "categories") - {"categories", "scenario"})
    numbers = sorted(_keys(rows, "numbers") - set(labels))
    yield ["item_id", "title", "text", "categories", *labels, *numbers]
    last = 0
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        known = names([item.object_id for item in chunk])
        for item in chunk:
            text = item.text if item.text != item.title else ""
            name = known.get(item.object_id, item.object_id)
            cells = ["|".join(item.categories.get(field) or []) for field in ("categories", *labels)]
            yield [name, item.title, text, *cells, *(_number(item.numbers.get(field)) for field in numbers)]
        last = chunk[-1].pk


def _users(met: QuerySet[Feedback]) -> Iterator[list[Any]]:
    rows = Visitor.objects.filter(Exists(met.filter(visitor=OuterRef("pk")))).annotate(who=_name()).order_by("pk")
    fields = sorted({name for features in rows.values_list("features", flat=True).iterator() for name in features})
    yield ["user_id", *fields]
    for who, features in rows.exclude(features={}).values_list("who", "features").iterator(chunk_size=CHUNK):
        yield [who, *(features.get(field, "") for field in fields)]


def _ties(met: QuerySet[Feedback]) -> Iterator[list[Any]]:
    yield ["user_id", "other_id", "kind", "weight"]
    there = Q(Exists(met.filter(visitor=OuterRef("visitor")))) | Q(Exists(met.filter(visitor=OuterRef("other"))))
    rows = Relation.objects.filter(there).order_by("pk").annotate(one=_name("visitor__"), two=_name("other__"))
    for row in rows.values_list("one", "two", "kind", "weight").iterator(chunk_size=CHUNK):
        yield list(row)


def _keys(rows: QuerySet[Item], field: str) -> set[str]:
    return {name for found in rows.values_list(field, flat=True).iterator() for name in found}


def _name(path: str = "") -> Coalesce:
    """What a visitor is called in the folder: his name in an imported history, or his key."""
    return Coalesce(F(f"{path}external_id"), Cast(f"{path}key", CharField()))


def _number(value: float | None) -> Any:
    """Empty for none; whole numbers without a point."""
    if value is None:
        return ""
    return int(value) if float(value).is_integer() else value
