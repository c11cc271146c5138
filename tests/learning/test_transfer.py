from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import Dataset
from mtrec_django.inference.artifact import Artifact
from mtrec_django.inference.query import QueryEncoder
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.transfer import _decision, transfer

from .worlds import QUICK


def test_a_transfer_is_measured_against_its_base(trained: Trained, world: Dataset) -> None:
    child = transfer(trained, world, "basket", settings=QUICK, seed=1)
    assert child.artifact.kind == "transfer"
    assert child.artifact.config["base"] == trained.id
    assert child.prior.shape == (len(world.items),)
    margin = child.report["decision"]["margin"]
    assert child.publish == (margin["low"] > 0 and margin["n"] >= 30)
    assert {"transfer", "base"} <= set(child.report["metrics"]["basket"])
    encoder = QueryEncoder.from_artifacts(trained.artifact, Artifact.from_bytes(child.artifact.to_bytes()))
    query = encoder.encode(trained.vectors[:3], np.zeros(3, int), np.zeros(3), np.ones(3, bool))
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)


def test_a_scenario_that_differs_from_the_base_opens_its_gate(trained: Trained, world: Dataset) -> None:
    """In the basket everybody buys the one taste after his own, which the base was never told."""
    there = world.events.scenario == 1
    moved = np.where(there, (world.events.item // 6) * 6 + (world.events.item % 6 + 1) % 6, world.events.item)
    other = world.with_events(replace(world.events, item=moved.astype(np.int32)))
    child = transfer(trained, other, "basket", settings=QUICK, seed=1)
    assert child.report["alpha"] > 0
    assert child.report["alphas"]["1.0"] > 1.2 * child.report["alphas"]["0.0"]


def test_the_guard_keeps_back_what_does_not_win_beyond_noise() -> None:
    sure = {"mean": 0.01, "low": 0.002, "high": 0.02, "ratio": 1.1, "n": 500}
    assert _decision(sure, 1.0)["publish"]
    assert not _decision(sure | {"low": -0.001}, 1.0)["publish"]
    assert not _decision(sure | {"n": 10}, 1.0)["publish"]


def test_an_unknown_scenario_is_named(trained: Trained, world: Dataset) -> None:
    with pytest.raises(LookupError, match="nowhere"):
        transfer(trained, world, "nowhere", settings=QUICK)


def test_items_and_kinds_that_came_after_the_base_do_no_harm(trained: Trained, world: Dataset) -> None:
    renamed = replace(world, kinds=["look", "purchase"])
    fewer = replace(trained, item_ids=trained.item_ids[:-5], vectors=trained.vectors[:-5], measured=None)
    child = transfer(fewer, renamed, "basket", settings=QUICK, seed=1)
    assert np.isfinite(child.artifact.arrays["delta.up"]).all()
