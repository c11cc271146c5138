"""What a training can be told; the defaults are measured and meant for any shop."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

Progress = Callable[[str, int, int], None]
"""Called as (step, done, total) at least once a second; may raise to cancel."""


def silent(step: str, done: int, total: int) -> None:
    """The progress that nobody watches."""


DENSE = 20
"""Events of an item."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Numbers of one training. Nothing here needs to be changed per data set."""

    dim: int = 64
    heads: int = 2
    length: int = 50
    """Events of a history that the query encoder reads."""
    dropout: float = 0.3
    rate: float = 6e-3
    """Peak learning rate; a short warm-up before, a cosine down to a tenth after."""
    epochs: int = 8
    dense_epochs: int = 20
    """At most so many where an item has twenty events and more; in all no more targets than `epochs` full ones."""
    patience: int = 3
    """Epochs without a better validation before training ends."""
    batch_tokens: int = 2048
    negatives: int = 1024
    full_softmax_items: int = 3000
    """Below so many items every item is a negative."""
    max_positions: int = 250_000
    """Targets of one epoch. Longer data are covered by other random windows in each epoch."""
    warm_epochs: int = 1
    """Epochs of a training that begins at the live version's weights."""
    refresh_epochs: int = 1
    """Epochs over newer events: once with those that choices were made on, once, after measuring, with all."""
    refresh_rate: float = 0.25
    """Their learning rate, as a share of `rate`."""
    later: float = 0.3
    """Share of histories that foretell the next visit, not the next event; only where whole orders are one moment."""
    max_queries: int = 4000
    """Visitors of one scenario whose lists are measured, drawn at random when there are more."""
    neighbours: int = 100
    ease_items: int = 8_000
    """EASE takes time with the cube and memory with the square of the items, or of the visitors if they are fewer;
    where both are more than this it knows the items with the most events only."""
    rank: int = 8
    """Rank of a scenario's own part."""
    newcomers: float = 0.01
    """Share of what all lists reach on validation that may be given up so that items nobody met yet are shown more:
    only what is shown gets known."""
    threads: int = 0
    """Threads of torch; 0 takes the cores of the machine."""
    device: str = "auto"
    """Where batches are learned from: "cpu", "cuda" (or "cuda:1"); "auto" takes a GPU if there is one."""
    precision: str = "auto"
    """Of matrix products in training: "bf16" or "float32"; "auto" is bf16 on a GPU and float32 on processors."""
    quick: bool = False
    """Fewer choices tried for the blend; for tests."""

    def epochs_of(self, targets: int, items: int) -> int:
        """How long to train on so many targets: dense data go on getting better where sparse ones only get to know
        their own noise."""
        if self.quick or targets < DENSE * items:
            return self.epochs
        return max(self.epochs, min(self.dense_epochs, self.epochs * self.max_positions // max(targets, 1)))

    def to_json(self) -> dict[str, Any]:
        """For the record of a run."""
        return asdict(self)

    def thread_count(self) -> int:
        """More threads than cores make training several times slower, so the number is always set."""
        return self.threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else self.threads or 1
