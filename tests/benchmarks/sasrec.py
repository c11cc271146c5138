"""A SASRec-like network for comparison: two layers, ids only, inner products, softmax over every item.

It learns from the very batches that ours learns from, so only the networks and their losses differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtrec_django.dataset import Events, Floats
from mtrec_django.learning.queries import Queries
from mtrec_django.learning.sampling import Batch, Sampler


class SASRec(nn.Module):
    """Kang & McAuley 2018, with the loss on all positions over all items."""

    def __init__(self, items: int, *, dim: int = 64, heads: int = 2, layers: int = 2, length: int = 50) -> None:
        super().__init__()
        self.length = length
        self.item = nn.Embedding(items, dim)
        self.position = nn.Embedding(length + 1, dim)
        nn.init.normal_(self.item.weight, std=0.02)
        nn.init.normal_(self.position.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, dim, 0.2, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, layers, nn.LayerNorm(dim), enable_nested_tensor=False)
        self.dropout = nn.Dropout(0.2)

    def forward(self, items: Tensor) -> Tensor:
        """States after each event. [batch, events, dim]"""
        events = items.shape[1]
        x = self.dropout(self.item(items) + self.position(torch.arange(events)))
        future = torch.ones(events, events, dtype=torch.bool).triu(1)
        return self.blocks(x, mask=future, is_causal=True)

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropy over every item; a first event has no history to be foretold from."""
        known = torch.from_numpy(batch.at >= 0)
        states = self(torch.from_numpy(batch.items))[
            torch.from_numpy(batch.row)[known], torch.from_numpy(batch.at)[known]
        ]
        return functional.cross_entropy(states @ self.item.weight.T, torch.from_numpy(batch.target)[known])

    @torch.no_grad()
    def queries(self, events: Events, asked: Queries) -> Floats:
        """The state after each question's history. [queries, dim]"""
        out = np.zeros((len(asked), self.item.embedding_dim), np.float32)
        for query, (begin, end) in enumerate(zip(asked.begin, asked.end, strict=True)):
            if end > begin:
                items = events.item[max(begin, end - self.length) : end].astype(np.int64)
                out[query] = self(torch.from_numpy(items)[None])[0, -1].numpy()
        return out


def learn(
    network: SASRec,
    sampler: Sampler,
    *,
    epochs: int,
    patience: int,
    most_seconds: float,
    judge: Callable[[SASRec], float],
    rate: float = 1e-3,
) -> list[dict[str, float]]:
    """Train until `judge` sees no more gain, or the time is over; what each epoch cost and gave."""
    optimiser = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.98))
    curve: list[dict[str, float]] = []
    seconds = 0.0
    for epoch in range(epochs):
        started = time.perf_counter()
        network.train()
        for batch in sampler.epoch():
            if (batch.at >= 0).any():
                optimiser.zero_grad()
                network.loss(batch).backward()
                optimiser.step()
        network.eval()
        seconds += time.perf_counter() - started
        curve.append({"epoch": epoch + 1, "seconds": round(seconds, 2), "ndcg@10": judge(network)})
        best = max(curve, key=lambda point: point["ndcg@10"])
        if epoch + 1 - best["epoch"] >= patience or seconds > most_seconds:
            break
    return curve
