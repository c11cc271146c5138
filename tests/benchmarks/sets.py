"""Dataset folders, read and encoded for the benchmarks; text vectors are kept between runs."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtrec_django.dataset import Bools, Dataset, Floats, Labels, Longs
from mtrec_django.dataset_folder import Folder, read_folder
from mtrec_django.representation.encoders import load_encoder


def read(path: str, *, encoder: str = "minilm") -> Folder:
    """A folder with the content of its items; a set without texts has none."""

    def encode(texts: Sequence[str]) -> Floats:
        return encoded(texts, encoder)

    return read_folder(path, encode=encode)


def encoded(texts: Sequence[str], encoder: str) -> Floats:
    """One row a text; each distinct text is encoded once, and kept in a folder of its own between runs."""
    distinct = sorted({text for text in texts if text.strip()})
    if not distinct:
        return np.zeros((len(texts), 0), np.float32)
    digest = hashlib.sha256("\n".join(distinct).encode()).hexdigest()[:24]
    folder = Path(os.environ.get("MTREC_BENCHMARK_CACHE") or Path(tempfile.gettempdir()) / "mtrec-benchmarks")
    file = folder / f"{encoder}-{digest}.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(file, load_encoder(encoder).encode(distinct))
    vectors = np.load(file)
    at = {text: row for row, text in enumerate(distinct)}
    rows = np.array([at.get(text, -1) for text in texts])
    return np.where((rows >= 0)[:, None], vectors[rows], 0).astype(np.float32)


def without_other_scenarios(dataset: Dataset, keep: Sequence[str]) -> Dataset:
    """The data as if the other scenarios did not exist."""
    positions = [dataset.scenario(name) for name in keep]
    new = np.full(len(dataset.goals) + 1, -1)
    new[positions] = np.arange(len(positions))
    rows = np.isin(dataset.events.scenario, positions)
    events = dataset.events[rows]
    events = replace(events, scenario=new[events.scenario].astype(np.int32))
    goals = [dataset.goals[position] for position in positions]
    return replace(dataset, events=events, goals=goals, catalogue=dataset.catalogue[positions])


def only(dataset: Dataset, name: str) -> tuple[Dataset, Bools]:
    """One scenario by itself, with the items of its catalogue; beside it which events remain. [events before]"""
    scenario = dataset.scenario(name)
    keep = np.flatnonzero(dataset.catalogue[scenario])
    position = np.full(len(dataset.items), -1, np.int32)
    position[keep] = np.arange(len(keep))
    rows = (dataset.events.scenario == scenario) & (position[dataset.events.item] >= 0)
    alone = without_other_scenarios(dataset.with_events(dataset.events[rows]), [name])
    items = replace(
        dataset.items,
        ids=dataset.items.ids[keep],
        content=dataset.items.content[keep],
        categories={field: _rows(labels, keep) for field, labels in dataset.items.categories.items()},
        numbers={field: column[keep] for field, column in dataset.items.numbers.items()},
        titles=[dataset.items.titles[at] for at in keep] if dataset.items.titles else (),
    )
    events = replace(alone.events, item=position[alone.events.item])
    return replace(alone, items=items, events=events, catalogue=alone.catalogue[:, keep]), rows


def _rows(labels: Labels, keep: Longs) -> Labels:
    return Labels.from_rows([labels.row(int(at)) for at in keep])
