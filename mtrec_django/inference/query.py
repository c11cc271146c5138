"""The visitor's last events become one query vector: plain numpy, a fraction of a millisecond, no torch.

The same arithmetic as `learning.network.QueryNetwork`, computed for the newest event only. Histories are given most
recent event first, everywhere in this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .artifact import Artifact, ArtifactError
from .profile import Vocabulary

Floats = npt.NDArray[np.float32]

AGE_EDGES = (1, 60, 600, 3600, 21_600, 86_400, 259_200, 604_800, 2_592_000, 7_776_000, 31_536_000)
"""Seconds at which the age of an event falls into the next bucket; bucket 0 is an unknown age."""

AGE_BUCKETS = len(AGE_EDGES) + 2

TRIED = 8
"""Events that `pulls` leaves out, each by itself: the newest and those most heeded."""


def age_bucket(seconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The bucket of each age; 0 where it is negative or NaN, which means unknown."""
    ages = np.asarray(seconds, np.float64)
    known = np.nan_to_num(ages, nan=-1.0) >= 0
    return np.where(known, 1 + np.searchsorted(AGE_EDGES, np.where(known, ages, 0), side="right"), 0)


@dataclass(frozen=True, slots=True)
class QueryEncoder:
    """One live version's query side, loaded once and shared by all requests."""

    arrays: dict[str, Floats]  # "query." arrays of the base
    kinds: dict[str, int]
    heads: int
    length: int
    shift: Floats  # [dim], the scenario's part, gate folded in
    turn: Floats  # [dim, dim], identity plus the gated low-rank part
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    visitors: Floats | None = None
    """In an evaluation what is added for each visitor of the data set. [users, dim]"""

    @classmethod
    def from_artifacts(
        cls, base: Artifact, transfer: Artifact | None = None, *, scenario: str | None = None
    ) -> QueryEncoder:
        """Fold the scenario's low-rank part and its gate into one matrix.

        `transfer` wins over the part that the base itself learned for `scenario`, if it has one.

        Raises:
            ArtifactError: when an artifact is of the wrong kind or the two do not belong together.
        """
        if base.kind != "base" or (transfer is not None and transfer.kind != "transfer"):
            raise ArtifactError(f"not a base and a transfer: {base.kind}, {transfer and transfer.kind}")
        arrays = {name: np.asarray(array, np.float32) for name, array in base.part("query").items()}
        shift, turn = _scenario_part(base, transfer, scenario, dim=len(arrays["empty"]))
        kinds = {kind: position for position, kind in enumerate(base.config["kinds"])}
        vocabulary = Vocabulary.from_json(base.config.get("profile", {}))
        return cls(arrays, kinds, int(base.config["heads"]), int(base.config["length"]), shift, turn, vocabulary)

    @property
    def dim(self) -> int:
        """The length of item and query vectors."""
        return len(self.shift)

    def kind_codes(self, kinds: Sequence[str]) -> npt.NDArray[np.int64]:
        """Positions of kinds by name; -1, which counts as unknown, for one that the version never saw."""
        return np.fromiter((self.kinds.get(kind, -1) for kind in kinds), np.int64, len(kinds))

    def encode(
        self,
        vectors: Floats,
        kinds: npt.NDArray[np.integer],
        ages_seconds: npt.NDArray[np.number],
        here: npt.NDArray[np.bool_],
        visitor: Floats | None = None,
    ) -> Floats:
        """The query vector of one visitor, unit length; or of several with as many events each, one a row. [..., dim]

        Args:
            vectors: item vectors of the events, most recent first; those beyond `length` are not read.
                [..., events, dim]
            kinds: position of each event's kind; any number out of range is an unknown kind. [..., events]
            ages_seconds: time from each event until now; negative or NaN where unknown. [..., events]
            here: whether the event happened in the scenario that asks. [..., events]
            visitor: what `about` says of the visitor. [..., dim]
        """
        if vectors.shape[-2]:
            return self._query(self._state(vectors, kinds, ages_seconds, here), visitor)
        return self._query(np.broadcast_to(self.arrays["empty"], (*vectors.shape[:-2], self.dim)), visitor)

    def pulls(
        self,
        vectors: Floats,
        kinds: npt.NDArray[np.integer],
        ages_seconds: npt.NDArray[np.number],
        here: npt.NDArray[np.bool_],
        visitor: Floats | None = None,
    ) -> Floats:
        """How far each event moves the query: what `encode` gives, less what it would give without it. [events, dim]

        Times an item's vector it is what the event adds to the item's score; 0 for events that are hardly heeded. The
        arguments are those of `encode`.
        """
        moved = np.zeros((len(vectors), self.dim), np.float32)
        vectors, kinds = vectors[: self.length], kinds[: self.length]
        ages, here = ages_seconds[: self.length], here[: self.length]
        if len(vectors) < 2:
            moved[:1] = self.encode(vectors, kinds, ages, here, visitor) - self._query(self.arrays["empty"], visitor)
            return moved
        tokens, logits, values = self._heard(vectors, kinds, ages, here, newest=2)
        at, position = np.arange(len(vectors)), self.arrays["position"]
        heeded = _softmax(logits[0] + position[:, : len(at)]).max(axis=0)
        heeded[0] = np.inf
        tried = np.argsort(-heeded)[:TRIED]
        out = np.append(tried, len(at))[:, None]  # the last row leaves nothing out
        first = (out[:, 0] == 0).astype(int)
        placed = logits[first] + position[:, at - (at > out)].swapaxes(0, 1)
        heard = np.where((at == out)[:, None], -np.inf, placed)
        queries = self._query(self._answer(tokens[first], heard, values), visitor)
        moved[tried] = queries[-1] - queries[:-1]
        return moved

    def _query(self, state: Floats, visitor: Floats | None) -> Floats:
        if visitor is not None:
            state = state + visitor
        query = state @ self.turn + self.shift
        length = np.sqrt((query * query).sum(axis=-1, keepdims=True))
        return np.asarray(query / np.maximum(length, np.float32(1e-12)), np.float32)

    def _state(
        self,
        vectors: Floats,
        kinds: npt.NDArray[np.integer],
        ages: npt.NDArray[np.number],
        here: npt.NDArray[np.bool_],
    ) -> Floats:
        events = min(vectors.shape[-2], self.length)
        seen = vectors[..., :events, :], kinds[..., :events], ages[..., :events], here[..., :events]
        tokens, logits, values = self._heard(*seen, newest=1)
        return self._answer(tokens[..., :1, :], logits + self.arrays["position"][:, :events], values)[..., 0, :]

    def _heard(
        self,
        vectors: Floats,
        kinds: npt.NDArray[np.integer],
        ages: npt.NDArray[np.number],
        here: npt.NDArray[np.bool_],
        *,
        newest: int,
    ) -> tuple[Floats, Floats, Floats]:
        """Tokens, how much each of the newest heeds every event wherever that stands, and what each event says.

        [..., events, dim], [..., newest, heads, events], [..., heads, events, dim / heads]
        """
        a, dim = self.arrays, self.dim
        x = self._tokens(vectors, np.asarray(kinds))
        n = _norm(x, a["norm_attention.weight"], a["norm_attention.bias"])
        q = (n[..., :newest, :] @ a["qkv"][:, :dim]).reshape(*n.shape[:-2], newest, self.heads, -1).swapaxes(-3, -2)
        both = (n @ a["qkv"][:, dim:]).reshape(*n.shape[:-1], 2, self.heads, -1)
        k, v = both[..., 0, :, :].swapaxes(-3, -2), both[..., 1, :, :].swapaxes(-3, -2)
        logits = (q @ k.swapaxes(-1, -2)).swapaxes(-3, -2) / np.float32(np.sqrt(q.shape[-1]))
        logits += np.moveaxis(a["age"][:, age_bucket(np.asarray(ages))], 0, -2)[..., None, :, :]
        logits += a["here"][:, None] * np.asarray(here, np.float32)[..., None, None, :]
        return x, logits.astype(np.float32), v

    def _answer(self, newest: Floats, logits: Floats, values: Floats) -> Floats:
        """The states of several askers, of one visitor or of each of several. [..., askers, dim]

        Of tokens [..., askers, dim], logits [..., askers, heads, events], values [..., heads, events, dim / heads].
        """
        a = self.arrays
        told = (_softmax(logits).swapaxes(-3, -2) @ values).swapaxes(-3, -2).reshape(newest.shape)
        y: Floats = np.asarray(newest + told @ a["out"], np.float32)
        hidden = _norm(y, a["norm_mlp.weight"], a["norm_mlp.bias"]) @ a["up"] + a["up_bias"]
        y = y + _gelu(hidden) @ a["down"] + a["down_bias"]
        return _norm(y, a["norm_out.weight"], a["norm_out.bias"])

    def _tokens(self, vectors: Floats, kinds: npt.NDArray[np.integer]) -> Floats:
        table = self.arrays["kind"]  # [kinds + 1, dim], the last row for unknown ones
        kinds = np.where((kinds >= 0) & (kinds < len(table) - 1), kinds, len(table) - 1)
        x = np.asarray(vectors, np.float32)
        if "sign" in self.arrays:  # [kinds + 1], -1 for what says no
            x = x * self.arrays["sign"][kinds][..., None]
        return _norm(x, self.arrays["norm_in.weight"], self.arrays["norm_in.bias"]) + table[kinds]

    def about(self, features: Mapping[str, Any], friends: Floats) -> Floats | None:
        """What is added for a visitor: by what is known of him, and by what his friends met last. [dim]

        Args:
            features: name -> text, number or list of texts; what the version never saw is passed over.
            friends: the mean of the item vectors of their last events, of any length; NaN where there is none. [dim]
        """
        told = np.zeros(self.dim, np.float32)
        table, ties = self.arrays.get("user"), self.arrays.get("friends")
        if table is not None and (rows := self.vocabulary.rows(features)):
            told += table[rows].mean(axis=0)
        if ties is not None and np.isfinite(friends).all():
            told += friends / max(float(np.linalg.norm(friends)), 1e-9) @ ties
        return told if table is not None or ties is not None else None

    @property
    def asks_about(self) -> tuple[str, ...]:
        """What must be read of a visitor besides his events: "user", "friends", both or nothing."""
        return tuple(name for name in ("user", "friends") if name in self.arrays)


def _scenario_part(
    base: Artifact, transfer: Artifact | None, scenario: str | None, *, dim: int
) -> tuple[Floats, Floats]:
    if transfer is not None:
        if transfer.config.get("base") not in (None, base.config.get("id")):
            raise ArtifactError("the transfer belongs to another base")
        part, alpha = transfer.part("delta"), float(transfer.config["alpha"])
    else:
        part = base.part(f"delta.{scenario}")
        alpha = float(base.config.get("alphas", {}).get(scenario, 0.0))
    turn = np.eye(dim, dtype=np.float32)
    if not part or alpha == 0.0:
        return np.zeros(dim, np.float32), turn
    turn += np.float32(alpha) * (part["down"] @ part["up"])
    return np.float32(alpha) * part["shift"], turn


def _softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), np.float32)


def _norm(x: Floats, weight: Floats, bias: Floats) -> Floats:
    size = np.float32(x.shape[-1])  # numpy's own mean takes twice the time
    centred = x - x.sum(axis=-1, keepdims=True) / size
    variance = (centred * centred).sum(axis=-1, keepdims=True) / size
    return np.asarray(centred / np.sqrt(variance + np.float32(1e-5)) * weight + bias, np.float32)


def _gelu(x: Floats) -> Floats:
    inner = np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x)
    return np.asarray(np.float32(0.5) * x * (np.float32(1) + np.tanh(inner)), np.float32)
