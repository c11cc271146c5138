"""Several processes, on one host or many, as one training: `torchrun` starts them, gradients are averaged at each step.

Every process has all the data and the whole network and works on its share of each batch. Without `torchrun` there is
one process, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, distributed, nn

from ..dataset import Dataset

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""How long the others wait for one: the first alone measures after each epoch."""


@dataclass(frozen=True, slots=True)
class World:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    def share(self, batches: list[T]) -> list[T]:
        """This process's batches of an epoch: as many for each, or the same for all where they do not suffice."""
        each = len(batches) // self.size
        return batches[self.rank : each * self.size : self.size] if each else batches


def world() -> World:
    """The processes that came together."""
    if distributed.is_available() and distributed.is_initialized():
        return World(distributed.get_rank(), distributed.get_world_size())
    return World()


@contextmanager
def together() -> Iterator[World]:
    """Join the processes that `torchrun` started; they speak by gloo, and of what is on GPUs by nccl."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield world()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    backends = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backends, timeout=PATIENCE)
    try:
        yield world()
    finally:
        distributed.destroy_process_group()


def told(value: Callable[[], float]) -> float:
    """What the first process finds, in all of them; the others wait for it."""
    return told_both(lambda: (value(), 0.0))[0]


def told_both(values: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """The same of two numbers."""
    here = world()
    if here.size == 1:
        return values()
    numbers = torch.tensor(values() if here.rank == 0 else (0.0, 0.0), dtype=torch.float64)
    distributed.broadcast(numbers, 0)
    return float(numbers[0]), float(numbers[1])


def align(network: nn.Module) -> None:
    """Give all processes the weights of the first."""
    if world().size > 1:
        for tensor in network.state_dict().values():
            distributed.broadcast(tensor, 0)


def align_rows(rows: np.ndarray) -> None:
    """The same for an array: decompositions on different hosts may turn axes around."""
    if world().size > 1:
        distributed.broadcast(torch.from_numpy(rows), 0)


def agree(dataset: Dataset) -> None:
    """Make sure that all processes have read the same.

    Raises:
        ValueError: when events came in between their readings.
    """
    here, events = world(), dataset.events
    if here.size == 1:
        return
    sums = [int(column.astype(np.int64).sum()) for column in (events.user, events.item, events.time)]
    mine = torch.tensor([len(dataset.items), len(events), *sums])
    all_of_them = [torch.empty_like(mine) for _ in range(here.size)]
    distributed.all_gather(all_of_them, mine)
    if any(not torch.equal(mine, other) for other in all_of_them):
        raise ValueError("the processes have read different data: events came in meanwhile; begin again")


def average(dense: Iterable[Tensor], sparse: Tensor) -> None:
    """Replace gradients by their mean over all processes."""
    here = world()
    if here.size == 1:
        return
    _average_dense(list(dense), here.size)
    _average_sparse(sparse, here.size)


def _average_dense(parameters: list[Tensor], size: int) -> None:
    for parameter in parameters:
        if parameter.grad is None:  # of no use in this process's batch
            parameter.grad = torch.zeros_like(parameter)
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([grad.reshape(-1) for grad in grads]) / size
    distributed.all_reduce(flat)
    first = 0
    for grad in grads:
        grad.copy_(flat[first : first + grad.numel()].view_as(grad))
        first += grad.numel()


def _average_sparse(parameter: Tensor, size: int) -> None:
    """Rows touched anywhere; lists are padded with zeros for row 0 to the longest of them."""
    grad = parameter.grad
    if grad is None:
        grad = torch.sparse_coo_tensor(
            torch.zeros(1, 0, dtype=torch.long), torch.zeros(0, parameter.shape[1]), parameter.shape
        )
    grad = grad.coalesce()
    rows, values = grad.indices()[0], grad.values()
    longest = torch.tensor([len(rows)])
    distributed.all_reduce(longest, distributed.ReduceOp.MAX)
    padding = int(longest) - len(rows)
    all_rows = _gathered(torch.cat([rows, rows.new_zeros(padding)]), size)
    all_values = _gathered(torch.cat([values, values.new_zeros(padding, values.shape[1])]), size)
    parameter.grad = torch.sparse_coo_tensor(all_rows[None], all_values / size, parameter.shape).coalesce()


def _gathered(tensor: Tensor, size: int) -> Tensor:
    parts = [torch.empty_like(tensor) for _ in range(size)]
    distributed.all_gather(parts, tensor)
    return torch.cat(parts)
