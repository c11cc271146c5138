"""Where a training stands after an epoch, kept so that a killed one goes on and does not begin again."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..dataset import Dataset, Floats
from ..inference.artifact import Artifact, ArtifactError
from .distributed import told
from .network import Network
from .settings import Settings

SAMPLED = 256
"""Rows of the item features that are compared before a checkpoint is gone on from."""

LARGEST_SHARE = 0.05
"""Of a training's time at most so much goes into writing checkpoints."""


class Keeper(Protocol):
    """Keeps the newest checkpoint of one training; who gave it lets it go when the training has succeeded."""

    def read(self) -> bytes | None:
        """What was written last, if anything."""

    def write(self, data: bytes) -> None:
        """Replace it at once: a kill in the midst leaves the one before."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a training must share with a checkpoint to go on from it. New events are no hindrance."""

    digest: str
    sample: Floats  # [at most SAMPLED, width]; a decomposition on another machine may turn axes around

    @classmethod
    def of(cls, dataset: Dataset, rows: Floats, settings: Settings, seed: int, live: str) -> Mark:
        """From the catalogue, its features, the settings, the seed and the id of the version begun at, if any."""
        told = {name: value for name, value in settings.to_json().items() if name not in ("threads", "device")}
        goals = [asdict(goal) for goal in dataset.goals]
        digest = hashlib.sha256(json.dumps([told, seed, live, dataset.kinds, goals], sort_keys=True).encode())
        digest.update("\n".join(map(str, dataset.items.ids.tolist())).encode())
        return cls(digest.hexdigest(), rows[:: max(1, len(rows) // SAMPLED)][:SAMPLED])

    def fits(self, stored: Artifact) -> bool:
        """Whether a checkpoint is of such a training."""
        sample = stored.arrays.get("sample", np.empty(0, np.float32))
        same = stored.kind == "checkpoint" and stored.config.get("digest") == self.digest
        return same and sample.shape == self.sample.shape and np.allclose(sample, self.sample, atol=1e-2)


@dataclass(slots=True)
class Checkpoint:
    """The course of a training so far and the best weights; with a keeper it survives a kill.

    Moments of the optimisers are not kept: they are warm again after a few dozen steps.
    """

    network: Network
    keeper: Keeper | None = None
    mark: Mark | None = None
    epochs: list[dict[str, float]] = field(default_factory=list)
    best: float = -1.0
    waited: int = 0
    best_weights: dict[str, Tensor] | None = None
    wrote_at: float = 0.0
    wrote_for: float = 0.0

    @classmethod
    def begin(cls, network: Network, keeper: Keeper | None, mark: Mark | None) -> Checkpoint:
        """Go on from what is kept, if it is of this very training; a damaged one is no reason not to train."""
        state = cls(network, keeper, mark)
        data = keeper.read() if keeper is not None else None
        if data is None or mark is None:
            return state
        try:
            stored = Artifact.from_bytes(data)
        except ArtifactError:
            return state
        now = _weights(stored, "now", network) if mark.fits(stored) else None
        if now is not None:
            network.load_state_dict(now)
            state._remember(stored.config)
            state.best_weights = now if stored.config["best_is_now"] else _weights(stored, "best", network)
        return state

    def _remember(self, config: dict[str, Any]) -> None:
        self.epochs, self.best, self.waited = config["epochs"], config["best"], config["waited"]

    def share(self) -> None:
        """Tell all processes of a training where the first one stands, which alone has a keeper."""
        done = int(told(lambda: len(self.epochs)))
        self.best, self.waited = told(lambda: self.best), int(told(lambda: self.waited))
        self.epochs += [{"epoch": number + 1} for number in range(len(self.epochs), done)]

    def judge(self, value: float, *, sure: bool = True) -> None:
        """Keep the weights if they are the best so far, or if nobody can tell."""
        if value > self.best or not sure:
            self.best, self.waited = value, 0
            self.best_weights = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        else:
            self.waited += 1

    def write(self, *, last: bool = False) -> None:
        """Keep the state after an epoch, unless writing would take more than its share of the time."""
        started = time.perf_counter()
        too_soon = not last and started - self.wrote_at < self.wrote_for / LARGEST_SHARE
        if self.keeper is None or self.mark is None or too_soon:
            return
        best_is_now = self.best_weights is not None and self.waited == 0
        arrays = _arrays("now", self.network.state_dict())
        if not best_is_now:
            arrays |= _arrays("best", self.best_weights or {})
        config = {"epochs": self.epochs, "best": self.best, "waited": self.waited, "best_is_now": best_is_now}
        arrays["sample"] = self.mark.sample
        self.keeper.write(Artifact("checkpoint", config | {"digest": self.mark.digest}, arrays).to_bytes())
        self.wrote_at = time.perf_counter()
        self.wrote_for = self.wrote_at - started


def _arrays(part: str, weights: dict[str, Tensor]) -> dict[str, npt.NDArray[Any]]:
    """By name; the residuals, nearly all of it, in half precision as in a version's state."""
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    half = {name: array.astype(np.float16) for name, array in arrays.items() if name == "tower.residual.weight"}
    return {f"{part}.{name}": array for name, array in (arrays | half).items()}


def _weights(stored: Artifact, part: str, network: Network) -> dict[str, Tensor] | None:
    """One of the stored states as the network's weights; nothing where it is not there, or another network's."""
    arrays, shapes = stored.part(part), {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: array.size for name, array in arrays.items()} != {name: size.numel() for name, size in shapes.items()}:
        return None
    return {name: torch.from_numpy(array).float().reshape(shapes[name]) for name, array in arrays.items()}
