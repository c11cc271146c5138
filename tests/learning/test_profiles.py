"""Visitors of a club want its items, friends want what friends had; noise about visitors changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import Dataset, Labels, Users
from mtrec_django.inference.profile import Vocabulary
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.measuring import network_each
from mtrec_django.learning.network import Network, Profiles
from mtrec_django.learning.pretrain import fit
from mtrec_django.learning.profiles import (
    Known,
    choose_profiles,
    feature_matrix,
    friends_of,
    visitors_of,
    vocabulary_of,
)
from mtrec_django.learning.run import Run
from mtrec_django.learning.settings import silent
from mtrec_django.learning.training import train

from .worlds import QUICK, WORDS, tastes

TASTES = len(WORDS)


def clubs(*, known: bool) -> Dataset:
    """Two events each, so that what is known of a visitor matters; his club says his taste, or nothing at all."""
    world = tastes(users=240, events=2)
    taste = np.arange(240) % TASTES
    rng = np.random.default_rng(0)
    club = taste if known else rng.integers(0, TASTES, 240)
    labels = {"club": Labels.from_rows([[WORDS[one]] for one in club])}
    numbers = {"age": np.where(np.arange(240) % 5, 20 + 10.0 * taste, np.nan).astype(np.float32)} if known else {}
    return replace(world, users=Users(np.arange(240), labels, numbers))


def friends(dataset: Dataset) -> Dataset:
    """Each is tied to two others of his taste."""
    one = np.repeat(np.arange(240), 2)
    other = (one + TASTES * (1 + np.arange(480) % 2)) % 240
    users = Users(np.arange(240), relations=(one.astype(np.int32), other.astype(np.int32), np.ones(480, np.float32)))
    return replace(dataset, users=users)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return fit(clubs(known=True), settings=QUICK)


def test_what_is_known_of_somebody_new_decides_his_list(trained: Trained) -> None:
    assert trained.report["visitors"] == ["user"]
    encoder = trained.encoder()
    nothing = np.empty((0, 64), np.float32)
    for taste, club in enumerate(WORDS):
        told = encoder.about({"club": club, "age": 20.0 + 10 * taste}, np.full(64, np.nan, np.float32))
        query = encoder.encode(nothing, np.empty(0, int), np.empty(0), np.empty(0, bool), told)
        best = np.argsort(-trained.vectors @ query)[:5]
        assert np.mean(best % TASTES == taste) >= 0.8


CROWD = 360


def crowd(labels: list[str]) -> Run:
    users = Users(np.arange(CROWD), {"club": Labels.from_rows([[label] for label in labels])})
    return Run.prepare(replace(tastes(users=CROWD, events=2), users=users), QUICK, 0, silent)


@pytest.fixture(scope="module")
def learned() -> Network:
    """A network that knows what happened in the first three quarters of the time, and nothing of the visitors."""
    run = crowd(["all"] * CROWD)
    known = run.dataset.with_events(run.dataset.events[run.split().part == 0])
    network = run.network()
    trainer = run.trainer(network, known, rate=QUICK.rate, seed=0)
    train(trainer, run.sampler(known, seed=0), epochs=4, patience=4, progress=silent, step="train")
    return network


def kept(network: Network, labels: list[str]) -> list[str]:
    """Which tables are kept when visitors have these labels; many of those who are asked were not there before."""
    run = crowd(labels)
    split = run.split()
    split = replace(split, part=np.minimum(split.part, 1))
    known, asked = run.dataset.with_events(run.dataset.events[split.part == 0]), [run.ask(0, split, 1)]
    network.profiles = Profiles()
    choose_profiles(run, network, known, lambda: np.concatenate(network_each(run, network, known, asked)))
    return list(network.profiles.arrays)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_labels_are_kept_only_where_they_tell_something_of_others(learned: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    nothing = [WORDS[one] for one in rng.integers(0, TASTES, CROWD)]
    mostly = [WORDS[one % TASTES] if rng.random() < 0.8 else nothing[one] for one in range(CROWD)]
    assert kept(learned, nothing) == []
    assert kept(learned, mostly) == ["user"]


def test_friends_say_what_somebody_new_wants() -> None:
    world = friends(tastes(users=240, events=2))
    trained = fit(world, settings=QUICK)
    assert trained.report["visitors"] == ["friends"]
    told = visitors_of(trained, world, world.events, trained.vectors)
    assert told is not None
    encoder = trained.encoder()
    query = encoder.encode(np.empty((0, 64), np.float32), np.empty(0, int), np.empty(0), np.empty(0, bool), told[8])
    assert np.mean(np.argsort(-trained.vectors @ query)[:5] % TASTES == 8 % TASTES) >= 0.8


def test_worker_and_web_process_say_the_same_of_a_visitor(trained: Trained) -> None:
    world = clubs(known=True)
    told = visitors_of(trained, world, world.events, trained.vectors)
    assert told is not None
    encoder, club, age = trained.encoder(), world.users.categories["club"], world.users.numbers["age"]
    for visitor in range(0, 240, 7):
        features = {"club": club.row(visitor), "age": None if np.isnan(age[visitor]) else float(age[visitor])}
        web = encoder.about(json.loads(json.dumps(features)), np.full(64, np.nan, np.float32))
        np.testing.assert_allclose(web, told[visitor], atol=1e-5)


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"club": "chess"},
        {"planet": "Mars", "club": None},
        {"age": "old"},
        {"age": float("nan")},
        {"age": float("inf")},
        {"age": True},
        {"club": {"a": 1}, "age": [1, 2]},
        {"club": [None, 3]},
    ],
)
def test_what_was_never_seen_is_passed_over(trained: Trained, features: dict) -> None:
    told = trained.encoder().about(features, np.full(64, np.nan, np.float32))
    assert told is not None
    assert not told.any()


def test_rare_labels_have_no_row_and_numbers_have_ranges() -> None:
    labels = Labels.from_rows([["common"]] * 12 + [["rare"]] * 3)
    users = Users(np.arange(15), {"club": labels}, {"age": np.arange(15, dtype=np.float32)})
    vocabulary = Vocabulary.from_json(json.loads(json.dumps(vocabulary_of(users).to_json())))
    assert vocabulary.labels == {"club": {"common": 0}}
    assert vocabulary.size == 1 + 5
    assert vocabulary.rows({"club": "common", "age": 0}) == [0, 1]
    assert vocabulary.rows({"club": "rare", "age": 14}) == [5]
    matrix = feature_matrix(users, vocabulary).toarray()
    assert matrix[0, [0, 1]].tolist() == [0.5, 0.5]
    assert matrix[14, 5] == 1.0
    assert [vocabulary.rows({"age": age})[0] for age in range(15)] == matrix[:, 1:].argmax(axis=1).__add__(1).tolist()


def test_only_the_strongest_friends_last_events_count() -> None:
    world = tastes(users=4, events=14)
    ties = [np.array(column, np.int32) for column in ([0, 0, 1], [1, 2, 3])]
    users = Users(np.arange(4), relations=(ties[0], ties[1], np.array([1.0, 0.0, 1.0], np.float32)))
    world = replace(world, users=users)
    vectors = np.eye(len(world.items), dtype=np.float32)
    found = friends_of(world, world.events, vectors)
    last = world.events.item[world.events.user == 1][-10:]
    assert set(np.flatnonzero(found[0])) == set(last.tolist())
    assert not found[[2, 3]].any()
    np.testing.assert_allclose(np.linalg.norm(found[:2], axis=1), 1, atol=1e-6)


def test_nothing_known_is_nothing_added() -> None:
    world = tastes(users=20)
    known = Known.of(world, world.events, np.zeros((len(world.items), 4), np.float32), Vocabulary())
    assert known.apply({}) is None
