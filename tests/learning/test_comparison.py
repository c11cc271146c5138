"""The report of an evaluation, on a world where the network must win and one hidden tenth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mtrec_django.dataset import Dataset
from mtrec_django.inference.blend import PERSONAL, Blend
from mtrec_django.learning.candidates import Candidates
from mtrec_django.learning.comparison import Plan, aucs, compare, hidden_items, spread, without
from mtrec_django.learning.evaluation import auc
from mtrec_django.learning.queries import last_out, queries

from .worlds import QUICK, tastes


@pytest.fixture(scope="module")
def world() -> Dataset:
    return tastes(users=120, events=12, second=True)  # nobody meets an item twice


@pytest.fixture(scope="module")
def report(world: Dataset) -> dict[str, Any]:
    return compare(world, Plan(hidden=0.15), settings=QUICK)


def test_every_scenario_has_every_model_and_figure(report: dict[str, Any]) -> None:
    assert report["scenarios"].keys() == {"home", "basket"}
    models = report["scenarios"]["home"]["models"]
    assert models.keys() == {
        "ours", "network", "popularity", "itemknn", "itemknn-recency", "ease", "ials", "textknn"
    }  # fmt: skip
    for values in models.values():
        assert values.keys() >= {
            "ndcg@10", "recall@10", "recall@50", "precision@10", "f1@10", "accuracy@10", "mrr@10", "hit@10", "auc",
            "coverage@10", "novelty@10", "diversity@10", "popularity@10",
        }  # fmt: skip
        low, high = values["intervals"]["ndcg@10"]
        assert low <= values["ndcg@10"] <= high
    assert json.loads(json.dumps(report)) == json.loads(json.dumps(report))


def test_who_knows_the_tastes_beats_popularity(report: dict[str, Any]) -> None:
    result = report["scenarios"]["home"]
    assert result["margins"]["popularity"]["low"] > 0
    assert result["models"]["ours"]["auc"] > 0.8 > result["models"]["popularity"]["auc"]


def test_visitors_are_told_apart_by_what_is_known_of_them(report: dict[str, Any]) -> None:
    result = report["scenarios"]["home"]
    groups = result["by activity"]
    assert groups.keys() <= {"cold", "few", "many"}
    assert sum(one["questions"] for one in groups.values()) == result["questions"]
    weighted = sum(one["questions"] * one["models"]["ours"]["ndcg@10"] for one in groups.values())
    assert weighted / result["questions"] == pytest.approx(result["models"]["ours"]["ndcg@10"])


def test_hidden_items_are_found_by_what_they_say(report: dict[str, Any], world: Dataset) -> None:
    cold = report["scenarios"]["home"]["cold items"]
    assert cold["items"] >= hidden_items(world, Plan(hidden=0.15)).sum()
    assert cold["models"]["network"]["ndcg@10"] > 2 * cold["models"]["itemknn"]["ndcg@10"]


def test_hidden_items_are_in_no_training_and_no_history(world: Dataset) -> None:
    split = last_out(world, 0)
    hidden = np.zeros(len(world.items), bool)
    hidden[::3] = True
    data, left = without(world, split, hidden)
    assert not hidden[data.events.item[left.part < 2]].any()
    assert hidden[data.events.item[left.part == 2]].any()


def test_a_given_split_wins_over_the_protocol(world: Dataset) -> None:
    part = np.zeros(len(world.events), np.int8)
    part[np.append(np.flatnonzero(np.diff(world.events.user)), len(world.events) - 1)] = 2
    report = compare(world, Plan(scenarios=["basket"], baselines=["popularity"]), given=part, settings=QUICK)
    assert report["protocol"] == "given"
    assert report["scenarios"].keys() == {"basket"}


def test_what_cannot_be_run_is_left_out_with_its_reason(world: Dataset) -> None:
    narrow = replace(QUICK, ease_items=10)
    plan = Plan(protocol="last-out", scenarios=["home"], baselines=["popularity", "ease"])
    result = compare(world, plan, settings=narrow)["scenarios"]["home"]
    assert result["left out"] == {"ease": "more than 10 items and visitors"}
    assert "ease" not in result["models"]


def test_a_scenario_of_no_name_is_refused(world: Dataset) -> None:
    with pytest.raises(LookupError, match="nowhere"):
        compare(world, Plan(scenarios=["nowhere"]), settings=QUICK)


def test_area_counts_what_is_no_candidate_as_last_and_alike(world: Dataset) -> None:
    asked = queries(world, 0, last_out(world, 0), 2).take(np.array([0]))
    allowed = ~np.asarray(asked.seen.todense())[0].astype(bool)
    right = int(asked.relevant.indices[0])
    others = np.setdiff1d(np.flatnonzero(allowed), [right])
    found = Candidates(
        others[None, :4].astype(np.int32), {PERSONAL: np.arange(4, dtype=np.float32)[None]}, np.zeros((1, 4), bool)
    )
    score = spread(found, Blend({PERSONAL: 1.0}), len(world.items))
    value = aucs(asked, world.catalogue[0], score)[0]
    worse, equal = 0, len(others) - 4
    assert value == pytest.approx((worse + equal / 2) / len(others))
    assert auc(np.array([1.0, 0.0]), np.array([True, False])) == 1
