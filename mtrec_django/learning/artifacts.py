"""What a training leaves, and how it is written down: artifact, state for the next training, model card."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dataset import Floats, Goal
from ..inference.artifact import Artifact, ArtifactError
from ..inference.blend import Blend
from ..inference.query import QueryEncoder
from ..inference.texts import Bytes
from ..representation.features import ItemFeatures
from .neighbours import Neighbours


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The network at one moment of a training."""

    arrays: dict[str, Floats]  # names as in the artifact
    vectors: Floats  # [items, dim]
    residual: Floats  # [items, dim]


@dataclass(frozen=True, slots=True)
class Trained:
    """A base version, ready to be served and to be learned from."""

    artifact: Artifact
    item_ids: npt.NDArray[np.generic]  # [items]
    vectors: Floats  # [items, dim], unit length
    residual: Floats  # [items, dim], what the items' own events taught, for a warm start
    neighbours: Neighbours
    priors: Floats  # [goals, items], log prior
    report: dict[str, Any] = field(default_factory=dict)
    texts: Bytes | None = None  # [items, width], see `inference.texts`; None where no blend compares texts
    measured: Snapshot | None = None
    """The weights that had seen old events only: what a transfer is measured against, where a later training starts."""

    @property
    def id(self) -> str:
        """Names the training; a transfer carries its base's."""
        return str(self.artifact.config["id"])

    def before_everything(self) -> Trained:
        """The same version as it was measured; itself where no snapshot was kept."""
        if self.measured is None:
            return self
        artifact = replace(self.artifact, arrays={**self.artifact.arrays, **self.measured.arrays})
        return replace(
            self, artifact=artifact, vectors=self.measured.vectors, residual=self.measured.residual, measured=None
        )

    @property
    def goals(self) -> list[Goal]:
        """The scenarios it was trained for."""
        return [Goal(**goal) for goal in self.artifact.config["goals"]]

    @property
    def met(self) -> Floats:
        """About how often each item was wanted, where it was most; the same for all where no prior is known. [items]"""
        if not np.ptp(self.priors):
            return np.ones(len(self.item_ids), np.float32)
        return np.expm1(self.priors - self.priors.min(axis=1, keepdims=True)).max(axis=0)

    @property
    def features(self) -> ItemFeatures:
        """The mapping of item features that its tower reads."""
        return ItemFeatures.from_parts(self.artifact.part("features"), self.artifact.config["features"])

    def blend(self, scenario: str) -> Blend:
        """The scenario's weights, or the defaults for one it never saw."""
        stored = self.artifact.config["blends"].get(scenario)
        return Blend.from_json(stored) if stored else Blend()

    def encoder(self, scenario: str | None = None) -> QueryEncoder:
        """The query side, as serving loads it."""
        return QueryEncoder.from_artifacts(self.artifact, scenario=scenario)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One scenario's own part of the query side, child of a base."""

    artifact: Artifact
    scenario: str
    prior: Floats  # [items]
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def publish(self) -> bool:
        """Whether the guard lets it go live."""
        return bool(self.report["decision"]["publish"])

    @property
    def blend(self) -> Blend:
        """Its own weights."""
        return Blend.from_json(self.artifact.config["blend"])


def save_trained(trained: Trained) -> tuple[bytes, bytes]:
    """The artifact that every process loads, and the state that only a later training does."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "vectors": trained.vectors.astype(np.float16),
        "priors": trained.priors,
        "others": trained.neighbours.others,
        "weights": trained.neighbours.weights.astype(np.float16),
    }
    if trained.measured is not None:
        arrays["measured.vectors"] = trained.measured.vectors.astype(np.float16)
        arrays["measured.residual"] = trained.measured.residual.astype(np.float16)
        arrays.update({f"measured.{name}": array for name, array in trained.measured.arrays.items()})
    else:
        arrays["residual"] = trained.residual.astype(np.float16)
    if trained.texts is not None:
        arrays["texts"] = trained.texts
    config: dict[str, Any] = {"base": trained.id, "report": trained.report}
    if np.issubdtype(trained.item_ids.dtype, np.integer):
        arrays["item_ids"] = trained.item_ids
    else:
        config["item_ids"] = [str(item) for item in trained.item_ids]
    state = Artifact("state", config, arrays)
    return trained.artifact.to_bytes(), state.to_bytes()


def load_trained(artifact: bytes, state: bytes) -> Trained:
    """The opposite of `save_trained`; item ids come back as whole numbers or as text.

    Raises:
        ArtifactError: when one is damaged or they are not of the same training.
    """
    base, rest = Artifact.from_bytes(artifact), Artifact.from_bytes(state)
    if base.kind != "base" or rest.kind != "state" or rest.config["base"] != base.config["id"]:
        raise ArtifactError(f"not a base and its state: {base.kind}, {rest.kind}")
    return Trained(
        base,
        rest.arrays["item_ids"] if "item_ids" in rest.arrays else np.array(rest.config["item_ids"]),
        rest.arrays["vectors"].astype(np.float32),
        _residual(rest),
        Neighbours(rest.arrays["others"], rest.arrays["weights"].astype(np.float32)),
        rest.arrays["priors"],
        rest.config["report"],
        rest.arrays.get("texts"),
        _snapshot(rest),
    )


def _snapshot(state: Artifact) -> Snapshot | None:
    arrays = state.part("measured")
    if not arrays:
        return None
    vectors, residual = arrays.pop("vectors"), arrays.pop("residual")
    return Snapshot(arrays, vectors.astype(np.float32), residual.astype(np.float32))


def _residual(state: Artifact) -> Floats:
    """The snapshot's, where there is one: the final ones are needed by nobody and are not stored."""
    stored = state.arrays.get("residual", state.arrays.get("measured.residual"))
    if stored is None:
        raise ArtifactError("a state without residuals")
    return stored.astype(np.float32)


def rebuild_trained(
    artifact: bytes,
    item_ids: npt.NDArray[np.generic],
    vectors: Floats,
    *,
    residual: Floats | None = None,
    neighbours: Neighbours | None = None,
    priors: Floats | None = None,
) -> Trained:
    """A base from its artifact and rows of the database: enough for a transfer. What is not given is empty."""
    base = Artifact.from_bytes(artifact)
    items = len(item_ids)
    goals = len(base.config["goals"])
    return Trained(
        base,
        item_ids,
        np.asarray(vectors, np.float32),
        np.zeros_like(vectors) if residual is None else residual,
        neighbours or Neighbours(np.full((items, 1), -1, np.int32), np.zeros((items, 1), np.float32)),
        np.zeros((goals, items), np.float32) if priors is None else priors,
    )


def card(kind: str, config: dict[str, Any], report: dict[str, Any]) -> str:
    """The model card, in Markdown, written by the run itself."""
    lines = [f"# {kind.capitalize()} {config.get('id', '')}", "", f"Decision: {_decision(report)}", ""]
    lines += ["| scenario | model | NDCG@10 | Recall@50 | questions |", "|---|---|---|---|---|"]
    for scenario, models in report.get("metrics", {}).items():
        for model, values in models.items():
            if isinstance(values, dict) and "ndcg@10" in values:
                questions = models.get("questions", "")
                figures = f"{values['ndcg@10']:.4f} | {values.get('recall@50', 0):.4f}"
                lines.append(f"| {scenario} | {model} | {figures} | {questions} |")
    for name in ("data", "removed", "seconds", "seconds a million events", "speed", "live"):
        if name in report:
            lines += ["", f"**{name}**: `{json.dumps(report[name], sort_keys=True)}`"]
    lines += ["", f"**settings**: `{json.dumps(config.get('settings', {}), sort_keys=True)}`", ""]
    return "\n".join(lines)


def _decision(report: dict[str, Any]) -> str:
    decision = report.get("decision", {})
    return f"{'publish' if decision.get('publish') else 'keep back'}, {decision.get('reason', 'not measured')}"
