"""The whole network: item tower, query encoder over the recent events, low-rank part of a scenario.

    item   v_i = normalise(W x_i + b + e_i)                                 one space for all scenarios
    query  u_s = normalise(h + alpha_s (c_s + (h A_s) B_s)), h from one causal attention block over the events
    score  scale * u_s . v_i

It knows no data sets and no training loop. The causal block is SASRec's (Kang & McAuley 2018) with one layer;
the relative biases of position, age and place are as in HSTU (Zhai et al. 2024), zero at first, so that they cannot
hurt.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..inference.profile import Vocabulary
from ..inference.query import AGE_BUCKETS


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that make two networks compatible."""

    items: int
    width: int  # of the item features
    kinds: int
    dim: int = 64
    heads: int = 2
    length: int = 50
    dropout: float = 0.3
    against: tuple[int, ...] = ()  # kinds that say no


class ItemTower(nn.Module):
    """Item features and what the item's own events taught, as one unit vector."""

    features: Tensor

    def __init__(self, features: Tensor, dim: int) -> None:
        super().__init__()
        items, width = features.shape
        self.register_buffer("features", features, persistent=False)  # [items, width]
        self.content = nn.Linear(width, dim)
        self.residual = nn.Embedding(items, dim, sparse=True)
        nn.init.normal_(self.content.weight, std=4.0 / max(width, 1) ** 0.5 / dim**0.5)  # |W x| is about 4
        nn.init.zeros_(self.content.bias)
        nn.init.normal_(self.residual.weight, std=0.02)

    def forward(self, items: Tensor) -> Tensor:
        raw = self.content(self.features[items]) + self.residual(items)  # [n, dim]
        return functional.normalize(raw, dim=-1)

    @torch.no_grad()
    def place(self, items: Tensor, vectors: Tensor) -> None:
        """Set the residuals of some items so that their vectors become these. [n], [n, dim]"""
        if not len(items):
            return
        sample = torch.arange(0, self.residual.num_embeddings, max(1, self.residual.num_embeddings // 1000))
        size = (self.content(self.features[sample]) + self.residual(sample)).norm(dim=-1).median()
        self.residual.weight[items] = size * vectors - self.content(self.features[items])

    @torch.no_grad()
    def all(self, chunk: int = 65_536) -> Tensor:
        """Every item's vector. [items, dim]"""
        items = torch.arange(self.residual.num_embeddings)
        out = torch.empty(len(items), self.residual.embedding_dim)
        for part in items.split(chunk):
            out[part] = self(part)
        return out


class QueryNetwork(nn.Module):
    """Item vectors of the events, oldest first, become a state after each event.

    The vector of an event that says no comes in turned round, so that it leads away from its item before anything of
    it was learned.
    """

    sign: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim = shape.dim
        self.heads, self.length = shape.heads, shape.length
        self.norm_in = nn.LayerNorm(dim)
        self.norm_attention = nn.LayerNorm(dim)
        self.norm_mlp = nn.LayerNorm(dim)
        self.norm_out = nn.LayerNorm(dim)
        self.qkv = nn.Parameter(torch.randn(dim, 3 * dim) * dim**-0.5)
        self.out = nn.Parameter(torch.randn(dim, dim) * dim**-0.5)
        self.up = nn.Parameter(torch.randn(dim, 2 * dim) * dim**-0.5)
        self.up_bias = nn.Parameter(torch.zeros(2 * dim))
        self.down = nn.Parameter(torch.randn(2 * dim, dim) * (2 * dim) ** -0.5)
        self.down_bias = nn.Parameter(torch.zeros(dim))
        self.kind = nn.Parameter(torch.zeros(shape.kinds + 1, dim))  # the last row for unknown kinds
        sign = torch.ones(shape.kinds + 1)
        sign[list(shape.against)] = -1.0
        self.register_buffer("sign", sign)  # [kinds + 1]
        self.position = nn.Parameter(torch.zeros(shape.heads, shape.length))
        self.age = nn.Parameter(torch.zeros(shape.heads, AGE_BUCKETS))
        self.here = nn.Parameter(torch.zeros(shape.heads))
        self.empty = nn.Parameter(torch.randn(dim) * 0.1)  # the state of a visitor without events
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, vectors: Tensor, kinds: Tensor, ages: Tensor, here: Tensor) -> Tensor:
        """States after each event. [batch, events, dim]

        Args:
            vectors: [batch, events, dim], oldest first, padded behind
            kinds: [batch, events]
            ages: bucket of event j's age when the target after event t happened. [batch, t, j]
            here: whether event j happened where that target did. [batch, t, j]
        """
        batch, events, dim = vectors.shape
        x = self.dropout(self.norm_in(vectors * self.sign[kinds][..., None]) + self.kind[kinds])
        qkv = (self.norm_attention(x) @ self.qkv).view(batch, events, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # [batch, heads, events, head]
        bias = self._bias(events, ages, here).to(q.dtype)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        y = x + self.dropout(attended.transpose(1, 2).reshape(batch, events, dim) @ self.out)
        hidden = functional.gelu(self.norm_mlp(y) @ self.up + self.up_bias, approximate="tanh")
        y = y + self.dropout(hidden @ self.down + self.down_bias)
        return self.norm_out(y)

    def _bias(self, events: int, ages: Tensor, here: Tensor) -> Tensor:
        """Position, age and place, minus infinity for the future. [batch, heads, t, j]"""
        at = torch.arange(events, device=ages.device)
        distance = at[:, None] - at[None, :]  # [t, j]
        position = self.position[:, distance.clamp(0, self.length - 1)]  # [heads, t, j]
        outside = (distance < 0) | (distance >= self.length)
        bias = position.masked_fill(outside, float("-inf")) + self.age.t()[ages].permute(0, 3, 1, 2)
        return bias + self.here[:, None, None] * here[:, None].to(bias.dtype)


class Delta(nn.Module):
    """What a scenario changes in the query: a shift and a low-rank turn, nothing at the start."""

    def __init__(self, dim: int, rank: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.down = nn.Parameter(torch.randn(dim, rank) * dim**-0.5)
        self.up = nn.Parameter(torch.zeros(rank, dim))

    def forward(self, state: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
        return state + alpha * (self.shift + (state @ self.down) @ self.up)


@dataclass(frozen=True, slots=True)
class Profiles:
    """What is known of visitors besides their events; trained after the network, see `profiles`."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    arrays: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)  # "user" [rows, dim], "friends" [dim, dim]
    visitors: npt.NDArray[np.float32] | None = None  # [users, dim], to be added to the state; None for nothing


class Network(nn.Module):
    """Item tower, query encoder and the learned scale of the cosine."""

    def __init__(self, shape: Shape, features: Tensor) -> None:
        super().__init__()
        self.tower = ItemTower(features, shape.dim)
        self.query = QueryNetwork(shape)
        self.log_scale = nn.Parameter(torch.tensor(12.0).log())
        self.profiles = Profiles()

    @property
    def scale(self) -> Tensor:
        """What the cosine is multiplied with before the softmax."""
        return self.log_scale.exp().clamp(max=60.0)

    def dense_parameters(self) -> list[nn.Parameter]:
        """All but the residuals, whose gradients are sparse."""
        return [parameter for name, parameter in self.named_parameters() if name != "tower.residual.weight"]

    def tower_arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """The item side but for the residuals, and the scale."""
        return {
            "tower.weight": self.tower.content.weight.detach().numpy().copy(),
            "tower.bias": self.tower.content.bias.detach().numpy().copy(),
            "scale": self.scale.detach().numpy().reshape(1).copy(),
        }

    def query_arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """The query side under the names that `inference.query` reads."""
        arrays = {name: tensor.detach().numpy().copy() for name, tensor in self.query.state_dict().items()}
        return {f"query.{name}": array for name, array in (arrays | self.profiles.arrays).items()}
