"""Versions in one file: a zip of JSON and safetensors with a checksum of each part. Nothing in it is ever unpickled.

`manifest.json` names the versions, the scenarios and every part with its SHA-256; `items.json` names the items by
source and object id, since primary keys are another database's own; each version has a folder with its files and, a
base, its item vectors.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from ..inference.artifact import Artifact, checksum, joined
from ..models import Item, ModelVersion, Scenario
from ..retrieval import store

FORMAT = 1
MANIFEST = "manifest.json"
ITEMS = "items.json"
PARTS = ("artifact", "state")
"""Files of a version that are taken along; a checkpoint is of no use elsewhere."""

TOLD = (
    *("kind", "encoder", "settings", "seed", "data_from", "data_to", "events", "items", "metrics", "report"),
    *("publishable", "reason", "card", "created_at"),
)
"""What a version says of itself, by field."""

PLACE = ("title", "enabled", "sources", "goal", "exclude", "options")
"""The settings of a scenario, by field."""

Progress = Callable[[str, int, int], None]


class BadDump(ValueError):
    """A file that is no dump, is damaged, or is of a newer format."""


def dump(path: str | Path, version: ModelVersion | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Write one ready version (a transfer with its base), or all of them; returns what the manifest says.

    The file appears whole or not at all.

    Raises:
        LookupError: when there is no such version that is ready.
    """
    versions = _chosen(version)
    if not versions:
        raise LookupError("there is no version that is ready")
    target = Path(path)
    draft = target.with_name(f".{target.name}.part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as file:
        writer = _Writer(file)
        items: set[int] = set()
        for done, one in enumerate(versions):
            items |= _write_version(writer, one)
            if progress:
                progress("Writing versions", done + 1, len(versions))
        writer.add(ITEMS, _json(_named(items)))
        manifest = {
            "format": FORMAT,
            "made_at": timezone.now(),
            "versions": [_told(one) for one in versions],
            "scenarios": [_place(row) for row in Scenario.objects.select_related("parent").order_by("pk")],
            "parts": writer.sums,
        }
        file.writestr(MANIFEST, _json(manifest))
    draft.rename(target)
    told: dict[str, Any] = json.loads(_json(manifest))
    return told


def items_of(state: Artifact) -> npt.NDArray[np.int64]:
    """The items of a state, by primary key where it is from; older ones hold them as text. [items]"""
    if "item_ids" in state.arrays:
        return state.arrays["item_ids"].astype(np.int64)
    return np.array(state.config["item_ids"], np.int64)


def folder_of(number: int) -> str:
    """Where the parts of a version are, by its number in the database that it is from."""
    return f"v{number}"


class _Writer:
    """Adds parts and remembers their checksums."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self.file = file
        self.sums: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> None:
        self.sums[name] = checksum(data)
        self.file.writestr(name, data)


def _chosen(version: ModelVersion | None) -> list[ModelVersion]:
    """Bases before what is built on them."""
    rows = ModelVersion.objects.filter(status=ModelVersion.Status.READY).select_related("scenario").order_by("pk")
    if version is not None:
        rows = rows.filter(pk__in=[pk for pk in (version.parent_id, version.pk) if pk])
        if not rows.filter(pk=version.pk).exists():
            return []
    return sorted(rows, key=lambda row: (row.kind != ModelVersion.Kind.BASE, row.pk))


def _write_version(writer: _Writer, version: ModelVersion) -> set[int]:
    """Its parts; returns the items they speak of."""
    folder = folder_of(version.pk)
    items: set[int] = set()
    width = 0
    for name in PARTS:
        parts = version.files.filter(name=name).order_by("part").values_list("data", "sha256")
        if not parts.exists():
            continue
        data = joined(parts.iterator(chunk_size=1))
        writer.add(f"{folder}/{name}.safetensors", data)
        if name == "artifact":
            width = Artifact.from_bytes(data).config.get("texts", 0)
        if name == "state":
            items |= set(items_of(Artifact.from_bytes(data)).tolist())
    if version.kind == ModelVersion.Kind.BASE:
        ids, vectors = store.read_vectors(version.pk)
        arrays: dict[str, Any] = {"items": ids, "vectors": vectors.astype(np.float16)}
        if width:
            arrays["texts"] = store.read_texts(version.pk, width)
        writer.add(f"{folder}/vectors.safetensors", Artifact("vectors", arrays=arrays).to_bytes())
        items |= set(ids.tolist())
    return items


def _named(items: Iterable[int]) -> dict[str, Any]:
    """Items as another database can find them: [[source, object id], …] beside their primary keys here."""
    rows = list(Item.objects.filter(pk__in=items).order_by("pk").values_list("pk", "source", "object_id"))
    return {"ids": [row[0] for row in rows], "names": [row[1:] for row in rows]}


def _told(version: ModelVersion) -> dict[str, Any]:
    fields = {name: getattr(version, name) for name in TOLD}
    scenario = version.scenario.name if version.scenario else None
    return {"number": version.pk, "base": version.parent_id, "scenario": scenario, "fields": fields}


def _place(row: Scenario) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in PLACE}
    parent = row.parent.name if row.parent else None
    return {"name": row.name, "parent": parent, "live": row.live_version_id, "fields": fields}


def _json(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder).encode()
