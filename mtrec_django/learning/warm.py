"""A training may begin where the live version stood before it learned from everything, so no answer is known yet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ..dataset import Dataset, Floats
from .artifacts import Trained
from .network import Network

SAME = 0.99
"""Cosine from which on two vectors of an item are the same."""


def warm(network: Network, live: Trained, dataset: Dataset) -> None:
    """Copy weights as far as sizes agree; items are matched by id, kinds by name.

    Items that the live version never saw begin at what their features say.
    """
    before = live.before_everything()
    arrays = before.artifact.arrays
    with torch.no_grad():
        for name, tensor in network.query.state_dict().items():
            stored = arrays.get(f"query.{name}")
            if name == "kind" and stored is not None:
                stored = _kinds(stored, before.artifact.config["kinds"], dataset.kinds)
            if name != "sign" and stored is not None and stored.shape == tuple(tensor.shape):
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(stored)))
        if arrays["tower.weight"].shape == tuple(network.tower.content.weight.shape):
            network.tower.content.weight.copy_(torch.from_numpy(arrays["tower.weight"]))
            network.tower.content.bias.copy_(torch.from_numpy(arrays["tower.bias"]))
            network.log_scale.copy_(torch.from_numpy(np.log(arrays["scale"]))[0])
            _residuals(network, before, dataset)


def _kinds(stored: Floats, known: list[str], kinds: list[str]) -> Floats:
    at = {kind: position for position, kind in enumerate(known)}
    return stored[[at.get(kind, len(known)) for kind in kinds] + [len(known)]]


def _residuals(network: Network, live: Trained, dataset: Dataset) -> None:
    residual = network.tower.residual.weight
    if residual.shape[1] != live.residual.shape[1]:
        return
    found = positions(live.item_ids, dataset.items.ids)
    there = torch.from_numpy(np.flatnonzero(found >= 0))
    residual[there] = torch.from_numpy(live.residual[found[found >= 0]])
    vectors = torch.from_numpy(live.vectors[found[found >= 0]])
    moved = (network.tower(there) * vectors).sum(dim=-1) < SAME  # placed beside others, or its text is another now
    network.tower.place(there[moved], vectors[moved])


def positions(known: npt.NDArray[np.generic], asked: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Where each asked id stands among the known ones, -1 where it does not. [asked]"""
    at = {str(item): position for position, item in enumerate(known)}
    return np.array([at.get(str(item), -1) for item in asked], np.int64)
