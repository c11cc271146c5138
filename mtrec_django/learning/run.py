"""What all steps of one training share: data, features, settings, and how networks and samplers are made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ..dataset import Dataset, Floats
from ..inference.artifact import Artifact
from ..inference.blend import TEXT, Blend
from ..inference.query import QueryEncoder
from ..representation.features import ColdPlaces, ItemFeatures
from .distributed import agree, align_rows, world
from .hearing import Heard, against, hear, refusals
from .neighbours import Neighbours, text_neighbours
from .network import Network, Shape
from .queries import Queries, Split, last_out, queries, time_split
from .sampling import Negatives, Sampler, balance, discoveries, recent, replayed, visits_share
from .settings import Progress, Settings
from .training import Trainer
from .unanswered import unanswered

QUERY_CELLS = 1_000_000_000
"""Scores in one ranking of every item for every question: of a very large catalogue fewer questions are asked, ..."""
FEWEST_QUERIES = 1000
"""... but so many at least."""
NEIGHBOUR_CELLS = 20_000_000
"""Neighbours in one table: of a very large catalogue each item has fewer, ..."""
FEWEST_NEIGHBOURS = 20
"""... but so many at least."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training."""

    dataset: Dataset
    settings: Settings
    seed: int
    progress: Progress
    features: ItemFeatures
    rows: Floats  # [items, width]
    similar: Floats  # [items, n]
    heard: Heard
    places: dict[bytes, ColdPlaces] = field(default_factory=dict)  # of each count of events met so far
    found: list[Neighbours] = field(default_factory=list)  # by text, once they were asked for

    @classmethod
    def prepare(
        cls,
        dataset: Dataset,
        settings: Settings,
        seed: int,
        progress: Progress,
        *,
        like: Mapping[str, Any] | None = None,
    ) -> Run:
        """Tell the events apart, `like` a version did that has this configuration, and fit the features of the items.

        The data of the run are those that were heard: use them from here on.
        """
        heard = hear(dataset, like=like)
        dataset = heard.dataset
        features = ItemFeatures.fit(dataset.items, seed=seed)
        rows = features.transform(dataset.items)
        agree(dataset)
        align_rows(rows)
        most = max(FEWEST_NEIGHBOURS, NEIGHBOUR_CELLS // max(len(dataset.items), 1))
        settings = replace(settings, neighbours=min(settings.neighbours, most))
        return cls(dataset, settings, seed, progress, features, rows, features.similarity(dataset.items), heard)

    def split(self) -> Split:
        """By time where times are known, else the last of each visitor's events, in the order given."""
        if self.dataset.events.time.any():
            return time_split(self.dataset.events, by_events=True)
        part = np.zeros(len(self.dataset.events), np.int8)
        for scenario in range(len(self.dataset.goals)):
            part = np.maximum(part, last_out(self.dataset, scenario).part)
        return Split(part, "last-out")

    def ask(self, goal: int, split: Split, part: int) -> Queries:
        """The questions of one goal, as its place on the site would ask them; a sample when there are many."""
        asked = queries(self.dataset, goal, split, part, in_session=self.dataset.goals[goal].in_session)
        most = min(self.settings.max_queries, max(FEWEST_QUERIES, QUERY_CELLS // max(len(self.dataset.items), 1)))
        return asked.sample(most, self.seed)

    def network(self) -> Network:
        """A fresh network; the same one for the same seed."""
        torch.manual_seed(self.seed)
        s = self.settings
        shape = Shape(
            len(self.rows),
            self.rows.shape[1],
            len(self.dataset.kinds),
            s.dim,
            s.heads,
            s.length,
            s.dropout,
            tuple(map(self.dataset.kinds.index, against(self.dataset))),
        )
        return Network(shape, torch.from_numpy(self.rows))

    def sampler(
        self, dataset: Dataset, *, seed: int, half_life: float = 0.0, vain: bool = False, after: int = 0
    ) -> Sampler:
        """Windows over the histories of a part; with a half-life in seconds recent targets count more, with `vain` what
        was shown in vain is pushed away, with a moment in `after` few of the older targets count at all."""
        s = self.settings
        weight, place = discoveries(dataset)
        weight = balance(place, weight, len(dataset.goals))
        weight = recent(dataset.events, weight, half_life)
        weight = np.where(weight > 0, weight, -refusals(dataset))
        if after:
            weight = replayed(dataset.events, weight, after, len(dataset.users), np.random.default_rng(seed))
        return Sampler(
            dataset.events,
            weight,
            len(dataset.users),
            len(dataset.goals),
            length=s.length,
            batch_tokens=max(1, s.batch_tokens // world().size),
            max_positions=s.max_positions,
            rng=np.random.default_rng(seed),
            later=s.later if visits_share(dataset.events) > 0.2 else 0.0,
            place=place,
            unanswered=unanswered(dataset) if vain else None,
        )

    def trainer(self, network: Network, dataset: Dataset, *, rate: float, seed: int) -> Trainer:
        """Optimisers over a network."""
        counts = np.bincount(dataset.events.item, minlength=len(dataset.items))
        negatives = Negatives(counts, self.settings.negatives, self.settings.full_softmax_items)
        return Trainer(network, negatives, dataset.catalogue, self.settings, rate=rate, seed=seed)

    def texts(self, blend: Blend | None = None) -> Floats | None:
        """What a blend, or any, compares by what is written; None where it does not, or nothing is. [items, n]"""
        wanted = self.written if blend is None else blend.weights.get(TEXT)
        return self.similar if wanted else None

    @property
    def written(self) -> bool:
        """Whether anything is written on any item."""
        chunks = range(0, len(self.similar), 4096)
        return any(self.similar[first : first + 4096].any() for first in chunks)

    def by_text(self) -> Neighbours:
        """The neighbours of every item by what is written on it: found once, since no event changes them; on disk."""
        if not self.found:
            self.found.append(text_neighbours(self.similar, self.settings.neighbours).on_disk())
        return self.found[0]

    def settle(self, network: Network, known: Dataset) -> None:
        """Let items without events in what was trained on begin, in a training to come, at their nearest ones."""
        cold = np.flatnonzero(np.bincount(known.events.item, minlength=len(known.items)) == 0)
        placed = self.vectors(network, known)[cold]
        network.tower.place(torch.from_numpy(cold), torch.from_numpy(placed))

    def vectors(self, network: Network, dataset: Dataset) -> Floats:
        """Every item's vector, those without events in the data set at their nearest ones with some. [items, dim]"""
        return self.cold_places(dataset).put(network.tower.all().numpy())

    def cold_places(self, dataset: Dataset) -> ColdPlaces:
        """Where items without events in the data set belong."""
        counts = np.bincount(dataset.events.item, minlength=len(dataset.items))
        key = hashlib.sha256(counts.tobytes()).digest()
        if key not in self.places:
            self.places[key] = ColdPlaces.find(self.similar, counts)
        return self.places[key]

    def encoder(self, network: Network) -> QueryEncoder:
        """The query side, as serving would load it."""
        s = self.settings
        config = {"kinds": self.dataset.kinds, "heads": s.heads, "length": s.length}
        encoder = QueryEncoder.from_artifacts(Artifact("base", config, network.query_arrays()))
        return replace(encoder, visitors=network.profiles.visitors)
