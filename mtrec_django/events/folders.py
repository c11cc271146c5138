"""Dataset folders: interactions, items, users and relations as gzipped CSV files, brought into the database."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ..catalog.registry import source_for
from ..catalog.sync import CHUNK, Progress, chunks, text_hash
from ..dataset_folder import BadRow, Interaction, ItemRow, iter_interactions, iter_items, iter_relations, iter_users
from ..models import Item, Visitor
from .history import Event, ImportReport, import_events
from .pseudonyms import keyed_by, pseudonym, rekey
from .relations import Tie, import_relations
from .validation import storable

Row = TypeVar("Row")


def import_folder(path: str | Path, source: str | None = None, progress: Progress | None = None) -> ImportReport:
    """Bring a folder in: users with their features, events, relations; the same folder twice adds nothing.

    With `source` the events are on that source's objects, found by its `lookup`, and the folder's own description of
    the items is left aside. Without one the items become items of source "dataset.<folder name>" themselves, or of
    "dataset.<folder name>.<scenario>" where the list of items has the catalogues of several scenarios. They are not
    available, since no object stands behind them. Raises FileNotFoundError when there are no interactions and
    ValueError when a file lacks a column.
    """
    folder = Path(path)
    if not any((folder / name).exists() for name in ("interactions.csv.gz", "interactions.csv")):
        raise FileNotFoundError(f"No interactions.csv.gz in {folder}.")
    report = ImportReport()
    registered = source_for(source) if source else None
    catalogues = Catalogues(registered.label if registered else f"dataset.{folder.resolve().name}".lower()[:100])
    if registered is None:
        _import_items(folder, catalogues, report, progress)
    _import_users(folder, report, progress)
    lookup = registered.lookup if registered else "pk"
    total = _count_rows(folder) if progress else 0
    events = _events(folder, catalogues, report)
    import_events(events, catalogues.label, progress, lookup=lookup, total=total, report=report)
    report.relations = import_relations(_ties(folder, report), progress)
    return report


class Catalogues:
    """Which source an item of a folder belongs to: one for all, or one a scenario where the items say of which."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.places: dict[str, list[str]] = {}  # item -> the scenarios in whose catalogues it is

    def read(self, rows: Iterable[ItemRow]) -> None:
        """Take in what the list of items says; with one scenario, or none, there is one catalogue."""
        places: dict[str, list[str]] = {}
        for row in rows:
            places.setdefault(row.item_id, []).append(row.scenario)
        if len({place for named in places.values() for place in named if place}) > 1:
            self.places = places

    def source(self, item_id: str, scenario: str) -> str:
        """The label for an event there on an item, or for the item as it is listed there."""
        places = self.places.get(item_id) or [""]
        place = scenario if scenario in places else places[0]
        return f"{self.label}.{place}".lower()[:100] if place else self.label


def _events(folder: Path, catalogues: Catalogues, report: ImportReport) -> Iterator[Event]:
    for row in _good(iter_interactions(folder), "", report):
        yield Event(
            object_id=row.item_id,
            kind=row.kind,
            time=row.time,
            visitor=row.user_id,
            value=None if math.isnan(row.value) else row.value,
            scenario=row.scenario,
            basket=row.basket,
            source=catalogues.source(row.item_id, row.scenario),
        )


def _import_items(folder: Path, catalogues: Catalogues, report: ImportReport, progress: Progress | None) -> None:
    """The folder's items as items of their own; where it lists none, those its events are on."""
    rows = list(_good(iter_items(folder), "items: ", report))
    catalogues.read(rows)
    numbers = _number_columns(row.features for row in rows)
    items = (
        Item(
            source=catalogues.source(row.item_id, row.scenario),
            object_id=storable(row.item_id)[:255],
            available=False,
            title=storable(row.title)[:255],
            text=storable(row.text or row.title),
            text_hash=text_hash(storable(row.text or row.title)),
            categories=_labels(row.features, numbers, categories=row.categories, scenario=[row.scenario]),
            numbers={name: value for name in numbers if (value := _number(row.features.get(name))) is not None},
        )
        for row in rows
    )
    bare = (
        Item(source=catalogues.label, object_id=storable(name)[:255], available=False) for name in _item_ids(folder)
    )
    named = items if rows else bare
    done = 0
    for chunk in chunks(named, CHUNK):
        report.items += _write_items(chunk)
        done += len(chunk)
        if progress:
            progress("Importing items", done, len(rows))


def _write_items(chunk: list[Item]) -> int:
    fields = ["title", "text", "text_hash", "categories", "numbers", "available"]
    unique = {(item.source, item.object_id): item for item in chunk}
    wanted = {"source__in": {source for source, _ in unique}, "object_id__in": {name for _, name in unique}}
    before = {(item.source, item.object_id): item for item in Item.objects.filter(**wanted)}
    differing = [
        item
        for name, item in sorted(unique.items())
        if name not in before or any(getattr(before[name], field) != getattr(item, field) for field in fields)
    ]
    Item.objects.bulk_create(
        differing,
        update_conflicts=True,
        unique_fields=["source", "object_id"],
        update_fields=[*fields, "updated_at"],
    )
    return len(differing)


def _item_ids(folder: Path) -> Iterator[str]:
    yield from dict.fromkeys(row.item_id for row in iter_interactions(folder) if isinstance(row, Interaction))


def _import_users(folder: Path, report: ImportReport, progress: Progress | None) -> None:
    rekey()
    numbers = _number_columns(row.features for row in iter_users(folder) if not isinstance(row, BadRow))
    done = 0
    for chunk in chunks(_good(iter_users(folder), "users: ", report), CHUNK):
        report.users += _write_users(
            {pseudonym(storable(row.user_id)): _features(row.features, numbers) for row in chunk}
        )
        done += len(chunk)
        if progress:
            progress("Importing users", done, 0)


def _write_users(features: dict[str, dict[str, Any]]) -> int:
    before = dict(Visitor.objects.filter(external_id__in=features).values_list("external_id", "features"))
    merged = {name: {**before.get(name, {}), **features[name]} for name in sorted(features)}
    differing = [
        Visitor(external_id=name, keyed_by=keyed_by(), features=row)
        for name, row in merged.items()
        if row != before.get(name)
    ]
    Visitor.objects.bulk_create(
        differing, update_conflicts=True, unique_fields=["external_id"], update_fields=["features"]
    )
    return len(differing)


def _ties(folder: Path, report: ImportReport) -> Iterator[Tie]:
    for row in _good(iter_relations(folder), "relations: ", report):
        yield Tie(storable(row.user_id), storable(row.other_id), storable(row.kind)[:32] or "friend", row.weight)


def _count_rows(folder: Path) -> int:
    """Lines of the interactions but the first; cheap beside reading them, and it gives the progress its end."""
    packed = folder / "interactions.csv.gz"
    with gzip.open(packed) if packed.exists() else packed.with_suffix("").open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1


def _good(rows: Iterable[Row | BadRow], prefix: str, report: ImportReport) -> Iterator[Row]:
    """The rows that can be used; the others are counted."""
    for row in rows:
        if isinstance(row, BadRow):
            report.read += not prefix
            report.skip(prefix + row.cause, f"line {row.line}")
        else:
            yield row


def _number_columns(rows: Iterable[dict[str, str]]) -> list[str]:
    """Columns that read as numbers throughout, take many values and are no ids; the others are labels."""
    values: dict[str, set[str]] = {}
    labels: set[str] = set()
    for row in rows:
        for name, text in row.items():
            seen = values.setdefault(name, set())
            if len(seen) <= 20:
                seen.add(text)
            if name.endswith("id") or (text and _number(text) is None):
                labels.add(name)
    return [name for name, seen in values.items() if name not in labels and len(seen) > 20]


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _labels(features: dict[str, str], numbers: list[str], **more: list[str]) -> dict[str, list[str]]:
    found = {name: text.split("|") for name, text in features.items() if name not in numbers} | more
    return {name: kept for name, labels in found.items() if (kept := [storable(label) for label in labels if label])}


def _features(row: dict[str, str], numbers: list[str]) -> dict[str, Any]:
    found = {name: _number(text) if name in numbers else storable(text) for name, text in row.items()}
    return {name: value for name, value in found.items() if value not in (None, "")}
