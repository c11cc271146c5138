"""The training loop: batches in, better weights out. It knows no scenarios' goals and no splits."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..dataset import Bools, Floats
from .checkpoints import Checkpoint, Keeper, Mark
from .distributed import align, average, told_both, world
from .network import Network
from .sampling import Batch, Negatives, Sampler
from .settings import Progress, Settings

NEVER = -1e4
"""The logit of an item that the target's scenario cannot show."""


@dataclass(slots=True)
class Course:
    """What happened in a training."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    positions: int = 0
    seconds: float = 0.0  # in steps, without validation

    @property
    def speed(self) -> float:
        """Targets a second."""
        return self.positions / max(self.seconds, 1e-9)


class Trainer:
    """Optimisers and the step; the residuals' rows are updated only where a batch touched them."""

    def __init__(
        self, network: Network, negatives: Negatives, catalogue: Bools, settings: Settings, *, rate: float, seed: int
    ) -> None:
        self.network, self.negatives, self.rate = network, negatives, rate
        self.device = device_of(settings)
        self.bf16 = settings.precision == "bf16" or (settings.precision == "auto" and self.device.type == "cuda")
        here = world()
        if here.size > 1:
            torch.manual_seed(seed * here.size + here.rank)  # other dropout and other negatives in each process
        self.rng = np.random.default_rng(seed if here.size == 1 else [seed, here.rank])
        fence = None if catalogue.all() else torch.from_numpy(np.vstack([catalogue, np.ones_like(catalogue[:1])]))
        self.fenced = None if fence is None else fence.to(self.device)
        self.dense = torch.optim.AdamW(network.dense_parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.sparse = torch.optim.SparseAdam([network.tower.residual.weight], lr=rate, betas=(0.9, 0.98))

    def step(self, batch: Batch, progress: float) -> float:
        """One update; `progress` in [0, 1] sets the learning rate. Returns the loss."""
        for optimiser in (self.dense, self.sparse):
            for group in optimiser.param_groups:
                group["lr"] = self.rate * schedule(progress)
        loss = self.loss(batch)
        self.dense.zero_grad(set_to_none=True)
        self.sparse.zero_grad(set_to_none=True)
        loss.backward()
        average(self.network.dense_parameters(), self.network.tower.residual.weight)
        torch.nn.utils.clip_grad_norm_(self.network.dense_parameters(), 5.0)
        self.dense.step()
        self.sparse.step()
        return float(loss.detach())

    def loss(self, batch: Batch) -> Tensor:
        """Weighted cross entropy over the batch's items and uniform negatives; what was refused is pushed away.

        A target of negative weight counts -log(1 - p), the unlikelihood of Welleck et al. 2020: nothing where the
        network would not have shown it anyway.
        """
        items, log_chance = self.negatives.candidates(batch, self.rng)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            vectors = self.network.tower(self._put(items))  # [candidates, dim]
            query = functional.normalize(states(self.network, batch, vectors, items), dim=-1)  # [targets, dim]
            products = self.network.scale * query @ vectors.T
        logits = products.float() + self._bias(batch, items, log_chance)
        right = self._put(np.searchsorted(items, batch.target))
        losses = functional.cross_entropy(logits, right, reduction="none")
        weight = self._put(batch.weight)
        if (batch.weight < 0).any():
            unlikely = -torch.log(-torch.expm1(-losses.clamp(min=1e-4)))
            losses = torch.where(weight < 0, unlikely, losses)
        return (losses * weight.abs()).sum() / max(len(batch), 1)

    def _bias(self, batch: Batch, items: np.ndarray, log_chance: Floats) -> Tensor:
        bias = -self._put(log_chance)  # [candidates]
        if self.fenced is None:
            return bias
        allowed = self.fenced[:, self._put(items)]  # [scenarios + 1, candidates]
        return torch.where(allowed, bias, NEVER)[self._put(batch.scenario)]

    def _put(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def device_of(settings: Settings) -> torch.device:
    """Where to train: on a GPU if there is one, each process of a host on one of its own.

    Raises:
        RuntimeError: when the settings name a device that torch does not know.
    """
    if settings.device != "auto":
        return torch.device(settings.device)
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def states(network: Network, batch: Batch, vectors: Tensor, items: np.ndarray) -> Tensor:
    """The state before each target, where the vectors are. [targets, dim]"""

    def put(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(vectors.device)

    empty = network.query.empty
    rows, events = batch.items.shape
    if events == 0:
        return empty.expand(len(batch), -1)
    inputs = vectors[put(np.searchsorted(items, batch.items))]  # [rows, events, dim]
    ages = put(np.zeros((rows, events, events), np.int64) if batch.ages is None else batch.ages)
    encoded = network.query(inputs, put(batch.kinds), ages, put(batch.here))
    flat = torch.cat([empty[None], encoded.reshape(rows * events, -1)])
    at = np.where(batch.at < 0, 0, 1 + batch.row * events + batch.at)
    return flat[put(at)]


def schedule(progress: float, warm_up: float = 0.03) -> float:
    """A short rise, then a cosine down to a tenth."""
    if progress < warm_up:
        return (progress + 1e-3) / (warm_up + 1e-3)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


Validate = Callable[[], tuple[float, float]]
"""How good the network is now, the higher, the better; and how many questions it had an answer to."""
FEWEST_HITS = 20
"""With fewer answers no epoch is better than another: training goes on to its end."""


def train(
    trainer: Trainer,
    sampler: Sampler,
    *,
    epochs: int,
    patience: int,
    progress: Progress,
    step: str,
    validate: Validate | None = None,
    checkpoint: Keeper | None = None,
    mark: Mark | None = None,
) -> Course:
    """Run the epochs; with `validate` the best weights are kept and training ends when they get no better, as far as
    there is enough to tell by.

    With a keeper it goes on after the last epoch that was kept, if that was of a training with the same mark.
    """
    course, state = Course(), Checkpoint.begin(trainer.network, checkpoint, mark)
    state.share()
    align(trainer.network)
    course.epochs = state.epochs
    per_epoch = sampler.batches()
    for epoch in range(len(state.epochs), epochs):
        if state.waited >= patience:
            break
        record = {
            "epoch": epoch + 1,
            "loss": _epoch(trainer, sampler, course, epoch, epochs, per_epoch, progress, step),
        }
        if validate is not None:
            record["ndcg@10"], hits = told_both(validate)
            state.judge(record["ndcg@10"], sure=hits >= FEWEST_HITS)
        course.epochs.append(record)
        state.write(last=epoch + 1 == epochs or state.waited >= patience)
    if state.best_weights is not None:
        trainer.network.load_state_dict(state.best_weights)
    align(trainer.network)  # of an epoch before a kill the first process alone has them
    progress(step, epochs * per_epoch, epochs * per_epoch)
    return course


def _epoch(
    trainer: Trainer,
    sampler: Sampler,
    course: Course,
    epoch: int,
    epochs: int,
    per_epoch: int,
    progress: Progress,
    step: str,
) -> float:
    trainer.network.to(trainer.device).train()
    losses = []
    for number, batch in enumerate(sampler.epoch()):
        started = time.perf_counter()
        done = epoch * per_epoch + min(number, per_epoch)
        losses.append(trainer.step(batch, done / (epochs * per_epoch)))
        course.positions += len(batch)
        course.seconds += time.perf_counter() - started
        if number % 5 == 0:
            progress(step, done, epochs * per_epoch)
    trainer.network.to("cpu").eval()  # choices and measurements are made there
    return float(np.mean(losses)) if losses else 0.0
