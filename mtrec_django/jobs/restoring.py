"""Versions out of a dump: loaded, indexed and ready to be published, in whatever database."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.dateparse import parse_datetime

from ..catalog.sync import copy_availability
from ..inference.artifact import Artifact, checksum
from ..models import Item, ModelVersion, Run, Scenario, VersionFile
from ..models.versions import PART_BYTES
from ..retrieval import store
from .dumping import FORMAT, ITEMS, MANIFEST, PARTS, PLACE, BadDump, folder_of, items_of
from .pruning import drop
from .running import working

Progress = Callable[[str, int, int], None]

CHUNK = 5000


@dataclass
class RestoreReport:
    """What a restore did, by the numbers that the versions have here."""

    versions: dict[int, int] = field(default_factory=dict)  # number there -> number here
    present: list[int] = field(default_factory=list)  # here; these were not restored again
    scenarios: list[str] = field(default_factory=list)  # made since there was none of this name
    published: list[str] = field(default_factory=list)
    missing: int = 0  # items of the dump that this database does not have


def restore(path: str | Path, *, publish: bool = False, progress: Progress | None = None) -> RestoreReport:
    """Bring every version of a dump in. What is here already is left as it is; scenarios keep the settings they have.

    With `publish` each scenario then goes on with the version it had. Vectors of items that this database does not have
    are left out: sync the catalogue first.

    Raises:
        BadDump: when the file is damaged, or no dump.
        NotPublishable: as `ModelVersion.publish`.
    """
    with zipfile.ZipFile(path) if zipfile.is_zipfile(path) else _refuse(path) as file:
        manifest = _checked(file)
        report = RestoreReport()
        items = _Items.find(json.loads(file.read(ITEMS)), report)
        _make_scenarios(manifest["scenarios"], report)
        for told in manifest["versions"]:
            _restore_version(file, told, items, report, progress)
    if publish:
        _publish(manifest["scenarios"], report)
    return report


def _refuse(path: str | Path) -> zipfile.ZipFile:
    if not Path(path).exists():
        raise BadDump(f"{path} does not exist")
    raise BadDump(f"{path} is no dump")


def _checked(file: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, when every part is there as it was written."""
    try:
        manifest: dict[str, Any] = json.loads(file.read(MANIFEST))
        if manifest["format"] > FORMAT:
            raise BadDump(f"the dump is of format {manifest['format']}, this version reads {FORMAT}")
        wrong = [name for name, sha256 in manifest["parts"].items() if checksum(file.read(name)) != sha256]
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise error if isinstance(error, BadDump) else BadDump(f"the dump is damaged: {error}") from error
    if wrong:
        raise BadDump(f"the dump is damaged: {', '.join(wrong)}")
    return manifest


class _Items:
    """Primary keys there to those here."""

    def __init__(self, here: dict[int, int]) -> None:
        self.here = here

    @classmethod
    def find(cls, told: dict[str, Any], report: RestoreReport) -> _Items:
        """By source and object id; those that are missing are counted."""
        names = {tuple(name): pk for pk, name in zip(told["ids"], told["names"], strict=True)}
        here: dict[int, int] = {}
        wanted = sorted(names)
        for begin in range(0, len(wanted), CHUNK):
            some = wanted[begin : begin + CHUNK]
            rows = Item.objects.filter(source__in={one[0] for one in some}, object_id__in=[one[1] for one in some])
            for pk, source, object_id in rows.values_list("pk", "source", "object_id"):
                if (source, object_id) in names:
                    here[names[source, object_id]] = pk
        report.missing = len(names) - len(here)
        return cls(here)

    def keys(self, there: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Their keys here; a negative number for one that is missing, which is no key of anything."""
        return np.array([self.here.get(pk, -pk) for pk in there.tolist()], np.int64)


def _make_scenarios(told: list[dict[str, Any]], report: RestoreReport) -> None:
    for place in told:
        fields = {name: place["fields"][name] for name in PLACE}
        if Scenario.objects.get_or_create(name=place["name"], defaults=fields)[1]:
            report.scenarios.append(place["name"])
    for place in told:
        if place["name"] in report.scenarios and place["parent"]:
            Scenario.objects.filter(name=place["name"]).update(parent=Scenario.objects.get(name=place["parent"]))


def _restore_version(
    file: zipfile.ZipFile,
    told: dict[str, Any],
    items: _Items,
    report: RestoreReport,
    progress: Progress | None,
) -> None:
    parts = {name: file.read(part) for name in PARTS if (part := _part(file, told, name))}
    first = parts["artifact"][:PART_BYTES]
    same = VersionFile.objects.filter(name="artifact", part=0, sha256=checksum(first))
    if (present := same.filter(version__status=ModelVersion.Status.READY).first()) is not None:
        report.versions[told["number"]] = present.version_id
        report.present.append(present.version_id)
        return
    version = _version(told, report)
    # A version that is being built by no run is a dead worker's, to pruning.
    run = Run.objects.create(kind=Run.Kind.IMPORT, version=version, options={"here": True})
    with working(run, watch=progress) as tell:
        try:
            if version.kind == ModelVersion.Kind.BASE:
                vectors = Artifact.from_bytes(file.read(f"{folder_of(told['number'])}/vectors.safetensors"))
                parts["state"] = _load(version, vectors, Artifact.from_bytes(parts["state"]), items, tell)
            for name, data in parts.items():
                version.add_file(name, data)
        except BaseException:
            drop(version.pk)
            raise
        ModelVersion.objects.filter(pk=version.pk).update(status=ModelVersion.Status.READY)
    report.versions[told["number"]] = version.pk


def _part(file: zipfile.ZipFile, told: dict[str, Any], name: str) -> str:
    """The path of a part; empty where the version has none."""
    path = f"{folder_of(told['number'])}/{name}.safetensors"
    return path if path in file.namelist() else ""


def _version(told: dict[str, Any], report: RestoreReport) -> ModelVersion:
    """The row, in the making."""
    fields = dict(told["fields"])
    for name in ("data_from", "data_to", "created_at"):
        fields[name] = parse_datetime(fields[name]) if fields[name] else None
    scenario = Scenario.objects.get(name=told["scenario"]) if told["scenario"] else None
    parent = report.versions[told["base"]] if told["base"] else None
    return ModelVersion.objects.create(**fields, scenario=scenario, parent_id=parent)


def _load(version: ModelVersion, vectors: Artifact, state: Artifact, items: _Items, tell: Progress) -> bytes:
    """Vectors and neighbours into tables of their own; returns the state with the keys of this database."""
    tell("Loading vectors", 0, 2)
    keys = items.keys(vectors.arrays["items"])
    known = keys > 0
    store.create(version.pk)
    rows = zip(keys[known].tolist(), vectors.arrays["vectors"][known].astype(np.float32), strict=True)
    store.load_vectors(version.pk, rows, vectors.arrays["texts"][known] if "texts" in vectors.arrays else None)
    learned = items.keys(items_of(state))
    store.load_neighbours(version.pk, _neighbours(learned, state.arrays["others"], state.arrays["weights"]))
    tell("Building the index", 1, 2)
    store.index(version.pk)
    store.attach(version.pk)
    for label in Item.objects.order_by().values_list("source", flat=True).distinct():
        copy_availability(label)
    tell("Building the index", 2, 2)
    return replace(state, arrays={**state.arrays, "item_ids": learned}).to_bytes()


def _neighbours(
    keys: npt.NDArray[np.int64], others: npt.NDArray[np.int32], weights: npt.NDArray[np.float16]
) -> Iterator[tuple[int, Any, Any]]:
    """Rows of the neighbours' table, of items that are here, with neighbours that are."""
    for key, positions, strengths in zip(keys.tolist(), others, weights.astype(np.float32), strict=True):
        there = positions >= 0
        there[there] = keys[positions[there]] > 0
        if key > 0 and there.any():
            yield key, keys[positions[there]], strengths[there]


def _publish(told: list[dict[str, Any]], report: RestoreReport) -> None:
    """Each scenario with the version it had."""
    for place in told:
        if place["live"] in report.versions:
            version = ModelVersion.objects.get(pk=report.versions[place["live"]])
            if version.publish([Scenario.objects.get(name=place["name"])], reason="restored"):
                report.published.append(place["name"])
