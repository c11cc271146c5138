from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import Dataset, Items
from mtrec_django.learning.artifacts import Trained, load_trained, save_trained
from mtrec_django.learning.pretrain import fit
from mtrec_django.learning.settings import Settings

from .worlds import QUICK, WORDS, tastes


def test_it_beats_popularity_by_far_and_says_so(trained: Trained) -> None:
    for scenario in ("home", "basket"):
        metrics = trained.report["metrics"][scenario]
        assert metrics["ours"]["ndcg@10"] > 2 * metrics["popularity"]["ndcg@10"]
        assert trained.report["margins"][scenario]["popularity"]["low"] > 0
    assert json.loads(json.dumps(trained.report)) == trained.report


def test_a_visitor_is_offered_his_own_taste(trained: Trained, world: Dataset) -> None:
    encoder, taste = trained.encoder(), 2
    history = np.array([taste, taste + 6, taste + 12])
    query = encoder.encode(trained.vectors[history], np.zeros(3, int), np.array([60, 600, 6000]), np.ones(3, bool))
    best = np.argsort(-trained.vectors @ query)[:8]
    assert np.mean(best % len(WORDS) == taste) >= 7 / 8


def test_what_is_given_back_has_the_promised_shapes(trained: Trained, world: Dataset) -> None:
    items = len(world.items)
    assert trained.vectors.shape == (items, 64)
    assert trained.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(trained.vectors, axis=1), 1, atol=1e-5)
    assert trained.neighbours.others.shape == trained.neighbours.weights.shape
    assert trained.neighbours.others.max() < items
    assert trained.priors.shape == (2, items)
    assert list(trained.item_ids) == list(world.items.ids)
    assert set(trained.report["decision"]) >= {"publish", "reason"}


def test_the_same_seed_gives_the_same_vectors() -> None:
    world, short = tastes(users=40), replace(QUICK, epochs=1)
    first, second = fit(world, settings=short, seed=5), fit(world, settings=short, seed=5)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert first.id == second.id
    assert fit(world, settings=short, seed=6).id != first.id


def test_artifact_and_state_come_back_from_bytes(trained: Trained) -> None:
    again = load_trained(*save_trained(trained))
    np.testing.assert_allclose(again.vectors, trained.vectors, atol=5e-4)  # in half precision, as the index has them
    np.testing.assert_array_equal(again.neighbours.others, trained.neighbours.others)
    assert again.report == trained.report
    assert again.blend("home") == trained.blend("home")
    assert again.measured is not None
    assert trained.artifact.card.startswith("# Base")


def test_progress_may_cancel() -> None:
    def refuse(step: str, done: int, total: int) -> None:
        if step == "train" and done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(tastes(users=40), settings=QUICK, progress=refuse)


def test_too_few_events_are_not_called_a_success() -> None:
    few = tastes(users=4, events=3)
    report = fit(few, settings=replace(QUICK, epochs=1)).report
    assert "too few" in report["decision"]["reason"]
    assert report["decision"]["publish"]  # nothing is live yet, and what content says is better than nothing


def test_an_empty_history_trains_on_content_alone() -> None:
    world = tastes(users=4, events=3)
    nothing = world.with_events(world.events[np.zeros(len(world.events), bool)])
    trained = fit(nothing, settings=replace(QUICK, epochs=1))
    assert np.isfinite(trained.vectors).all()


def test_a_warm_start_begins_where_the_live_version_stood(trained: Trained, world: Dataset) -> None:
    one_epoch = replace(QUICK, epochs=1, warm_epochs=1)
    cold = fit(world, settings=one_epoch, seed=3)
    warmed = fit(world, settings=one_epoch, seed=3, warm_start=trained)
    assert warmed.report["epochs"][0]["ndcg@10"] > cold.report["epochs"][0]["ndcg@10"]
    assert "live" in warmed.report["metrics"]["home"]
    afresh = fit(world, settings=one_epoch, seed=3, warm_start=trained, afresh=True)
    assert afresh.report["epochs"] == cold.report["epochs"]
    assert "live" in afresh.report["metrics"]["home"]


def test_a_warm_start_matches_items_by_id(trained: Trained, world: Dataset) -> None:
    turned = _reversed_items(world)
    warmed = fit(turned, settings=replace(QUICK, warm_epochs=1, refresh_epochs=0), seed=3, warm_start=trained)
    assert list(warmed.item_ids) == list(world.items.ids[::-1])
    assert (
        warmed.report["metrics"]["home"]["ours"]["ndcg@10"]
        > 2 * warmed.report["metrics"]["home"]["popularity"]["ndcg@10"]
    )


def _reversed_items(world: Dataset) -> Dataset:
    last = len(world.items) - 1
    items = Items(world.items.ids[::-1].copy(), world.items.content[::-1].copy())
    events = replace(world.events, item=(last - world.events.item).astype(np.int32))
    return replace(world, items=items, events=events)


def test_threads_are_set_and_given_back() -> None:
    import torch

    before = torch.get_num_threads()
    fit(tastes(users=10), settings=replace(QUICK, epochs=1))
    assert torch.get_num_threads() == before
    assert Settings(threads=3).thread_count() == 3
    assert Settings().thread_count() >= 1


def test_half_precision_reaches_what_full_precision_does(trained: Trained, world: Dataset) -> None:
    half = fit(world, settings=replace(QUICK, device="cpu", precision="bf16"), seed=3)
    full = trained.report["metrics"]["home"]["network"]["ndcg@10"]
    assert half.report["metrics"]["home"]["network"]["ndcg@10"] > 0.97 * full
    assert not np.array_equal(half.vectors, trained.vectors)  # it was another arithmetic
    assert half.vectors.dtype == np.float32
