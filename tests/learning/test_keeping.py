"""A training that begins at the live version keeps what rarely turns, while the data are about the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import Dataset
from mtrec_django.inference.blend import TEXT
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.keeping import MOST_KEPT, fallen, holds
from mtrec_django.learning.pretrain import fit
from mtrec_django.learning.sampling import REPLAYED, replayed

from .worlds import QUICK


def told(trained: Trained, **report: object) -> Trained:
    return replace(trained, report=trained.report | report)


def trained_on(trained: Trained, world: Dataset) -> Dataset:
    """As many events as the version chose with."""
    return world.with_events(world.events[: trained.report["searched"]])


def test_table_readings_and_trust_are_kept_and_trainings_counted(trained: Trained, world: Dataset) -> None:
    least = [0.3 if goal.name == "home" else 0.0 for goal in trained.goals]
    recipe = trained.report["recipe"] | {"cold_share": 1.0, "cold_stress": 1.5, "unmet_text": least}
    live = told(trained, recipe=recipe, kept=3)
    warmed = fit(world, settings=QUICK, seed=3, warm_start=live)
    assert {name: warmed.report["recipe"][name] for name in ("table", "cold_share", "cold_stress")} == {
        name: recipe[name] for name in ("table", "cold_share", "cold_stress")
    }
    assert warmed.blend("home").weights[TEXT] >= 0.3
    for name in ("home", "basket"):
        assert replace(warmed.blend(name), weights={}) == replace(trained.blend(name), weights={})
    assert (warmed.report["kept"], warmed.report["searched"]) == (4, trained.report["searched"])
    assert (
        warmed.report["metrics"]["home"]["ours"]["ndcg@10"] > 0.9 * trained.report["metrics"]["home"]["ours"]["ndcg@10"]
    )


@pytest.mark.parametrize("report", [{"kept": MOST_KEPT}, {"searched": 100}])
def test_everything_is_searched_now_and_then(trained: Trained, world: Dataset, report: dict) -> None:
    known = trained_on(trained, world)
    assert holds(trained, known)
    assert not holds(told(trained, **report), known)


def test_everything_is_searched_where_scenarios_or_kinds_are_others(trained: Trained, world: Dataset) -> None:
    known = trained_on(trained, world)
    assert not holds(trained, replace(known, goals=[replace(goal, name=f"{goal.name} of old") for goal in known.goals]))
    assert not holds(trained, replace(known, kinds=["play", "purchase"]))


def test_everything_is_searched_where_blends_have_clearly_fallen(trained: Trained, world: Dataset) -> None:
    gained = {name: one | {"ndcg@10": 2 * one["ndcg@10"]} for name, one in trained.report["validation"].items()}
    again = fit(world, settings=QUICK, seed=3, warm_start=told(trained, validation=gained))
    assert again.report["kept"] == 0
    assert again.report["searched"] != 0


def test_what_is_harder_for_all_sources_alike_is_no_fall() -> None:
    before = {"home": {"ndcg@10": 0.4, "alone": {"personal": 0.3, "popular": 0.1}, "questions": 100}}
    harder = {"home": {"ndcg@10": 0.2, "alone": {"personal": 0.15, "popular": 0.1}, "questions": 100}}
    worse = {"home": {"ndcg@10": 0.3, "alone": {"personal": 0.3, "popular": 0.1}, "questions": 100}}
    assert not fallen(harder, before)
    assert fallen(worse, before)
    assert not fallen({}, before)


def test_a_further_training_over_new_events_replays_some_old_ones(world: Dataset) -> None:
    events, weight = world.events, np.ones(len(world.events), np.float32)
    after = int(np.quantile(events.time, 0.9))
    kept, new = replayed(events, weight, after, len(world.users), np.random.default_rng(0)), events.time > after
    assert kept[new].all()
    assert 0.6 * REPLAYED * new.sum() < kept[~new].sum() < 1.4 * REPLAYED * new.sum()
    replaying = np.unique(events.user[~new & (kept > 0)])
    assert kept[np.isin(events.user, replaying)].all()  # a visitor's history as a whole
