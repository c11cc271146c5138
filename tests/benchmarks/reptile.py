"""Where the part of a new scenario could begin: not at nothing, but near what the parts of others have in common.

Reptile (Nichol, Achiam & Schulman 2018, arXiv:1803.02999): again and again a few steps on one task, and a part of the
way to where they lead. Tasks are the other scenarios, each divided by what its visitors wanted, since a site has few.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtrec_django.dataset import Bools, Dataset, Longs
from mtrec_django.learning.network import Delta
from mtrec_django.learning.settings import Settings, silent
from mtrec_django.learning.transfer import Frozen, delta_loss, scenario_states

ROUNDS = 120
STEPS = 5
TARGETS = 256
PACE = 0.5
SEGMENTS = 8
"""Tasks made of one scenario."""
FEWEST = 200
"""Targets of a task."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something to adapt to."""

    state: Tensor  # [targets, dim]
    target: Tensor  # [targets]
    weight: Tensor  # [targets]
    allowed: Longs  # items that it shows


def tasks(
    frozen: Frozen, dataset: Dataset, goals: list[int], known: Bools, settings: Settings, seed: int
) -> list[Task]:
    """The scenarios of a base, each in segments of items around a few drawn ones."""
    found, rng = [], np.random.default_rng(seed)
    for goal in goals:
        state, target, weight = scenario_states(frozen, dataset, goal, known, settings, seed, silent)
        items = np.flatnonzero(dataset.catalogue[goal])
        centres = frozen.vectors[rng.choice(items, min(SEGMENTS, len(items)), replace=False)]
        segment = (frozen.vectors @ centres.T).argmax(axis=1)
        for number in range(len(centres)):
            rows = torch.from_numpy(np.flatnonzero(segment[target.numpy()] == number))
            if len(rows) >= FEWEST:
                found.append(Task(state[rows], target[rows], weight[rows], items[segment[items] == number]))
    return found


def common_start(frozen: Frozen, found: list[Task], settings: Settings, seed: int) -> Delta:
    """The part from which few steps lead far on each task."""
    torch.manual_seed(seed)
    start, rng = Delta(frozen.vectors.shape[1], settings.rank), np.random.default_rng(seed)
    for number in range(ROUNDS if found else 0):
        task = found[rng.integers(0, len(found))]
        adapted = _adapted(frozen, start, task, settings, rng)
        pace = PACE * (1 - number / ROUNDS)
        with torch.no_grad():
            for own, other in zip(start.parameters(), adapted.parameters(), strict=True):
                own.lerp_(other, pace)
    return start


def _adapted(frozen: Frozen, start: Delta, task: Task, settings: Settings, rng: np.random.Generator) -> Delta:
    delta, vectors = deepcopy(start), torch.from_numpy(frozen.vectors)
    optimiser = torch.optim.AdamW(delta.parameters(), lr=5e-3, weight_decay=1e-2)
    for _ in range(STEPS):
        rows = torch.from_numpy(rng.integers(0, len(task.target), min(TARGETS, len(task.target))))
        negatives = rng.choice(task.allowed, min(settings.negatives, len(task.allowed)), replace=False)
        optimiser.zero_grad()
        chosen = task.state[rows], task.target[rows], task.weight[rows]
        delta_loss(delta, *chosen, vectors, negatives, frozen.scale).backward()
        optimiser.step()
    return delta
