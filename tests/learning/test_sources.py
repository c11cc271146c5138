from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import Dataset
from mtrec_django.learning import blending
from mtrec_django.learning.pretrain import fit
from mtrec_django.learning.settings import Settings
from mtrec_django.learning.sources import by_visit, made, table_names

from .worlds import DAY, QUICK, START, catalogue_of, tastes

PAIRS = 6


def orders(*, users: int = 30, each: int = 4) -> Dataset:
    """Every visitor orders some of six pairs, one pair an order, a day between orders: 0 with 1, 2 with 3, …"""
    rng = np.random.default_rng(0)
    pairs = np.array([rng.permutation(PAIRS)[:each] for _ in range(users)])  # [users, orders]
    world = tastes(users=users, events=2 * each)
    item = np.stack([2 * pairs, 2 * pairs + 1], axis=2).reshape(-1)
    day = np.tile(np.repeat(np.arange(each), 2), users)
    events = replace(world.events, item=item.astype(np.int32), time=(START + day * DAY).astype(np.int64))
    items = catalogue_of(2 * PAIRS)
    return replace(world, items=items, events=events, catalogue=np.ones((1, len(items)), bool))


def test_a_visit_holds_what_was_wanted_in_it() -> None:
    visits = by_visit(orders(users=3, each=2))
    assert visits.shape == (6, 2 * PAIRS)
    assert (visits.sum(axis=1) == 2).all()


def test_what_one_visit_brings_together_goes_together() -> None:
    world = orders()
    for name in ("knn visit", "ease visit", "ease visit light"):
        table = made(name, world, Settings())
        assert table.others[:, 0].tolist() == [item ^ 1 for item in range(2 * PAIRS)]
        assert (table.others[:, 1] < 0).all()


def test_tables_of_visits_are_tried_where_there_are_orders() -> None:
    assert "ease visit light" in table_names(orders(), Settings())
    assert not [name for name in table_names(tastes(), Settings()) if "visit" in name]
    assert table_names(orders(), Settings(quick=True)) == ["knn"]


def looked_and_bought() -> Dataset:
    """Everybody looks at four items of his taste, of eight, and then buys one that he did not look at."""
    users, looked, items = 180, 4, 48
    rng = np.random.default_rng(0)
    world = tastes(users=users, events=looked + 1, per_taste=8, second=True)
    order = np.stack([rng.permutation(8)[: looked + 1] for _ in range(users)])
    item = order * 6 + (np.arange(users) % 6)[:, None]
    bought = np.tile(np.arange(looked + 1) == looked, users).astype(np.int32)
    events = replace(world.events, item=item.ravel().astype(np.int32), kind=bought, scenario=bought)
    assert len(world.items) == items
    goals = [replace(world.goals[0], weights={"view": 1.0}), world.goals[1]]
    return replace(world, events=events, goals=goals)


def test_a_scenario_that_wants_a_part_of_what_is_wanted_has_a_table_of_its_own() -> None:
    world = looked_and_bought()
    assert table_names(world, Settings(), [0, 1])[-1] == "knn for basket"
    assert "knn for home" not in table_names(world, Settings(), [1])
    assert not [name for name in table_names(tastes(), Settings(), [0]) if " for " in name]
    table = made("knn for basket", world, Settings())
    bought = np.unique(world.events.item[world.events.kind == 1])
    assert set(table.others[table.others >= 0]) == set(bought)


def test_where_nobody_wants_what_he_met_it_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    world = looked_and_bought()
    assert fit(world, settings=QUICK).report["recipe"]["own"] == 0  # 18 purchases are too few to say so
    monkeypatch.setattr(blending, "FEWEST_ANSWERS", 10)
    assert fit(world, settings=QUICK).report["recipe"]["own"] < 0


def test_where_all_want_the_same_again_it_is_shown_sooner() -> None:
    world = tastes(users=120, events=12)
    favourite = np.random.default_rng(0).integers(0, 12, 120) * 6 + np.arange(120) % 6
    again = np.tile(np.arange(12) % 2 == 0, 120)
    item = np.where(again, np.repeat(favourite, 12), world.events.item).astype(np.int32)
    goals = [replace(world.goals[0], repeats=True)]
    world = replace(world, events=replace(world.events, item=item), goals=goals)
    assert fit(world, settings=QUICK).report["recipe"]["own"] > 0


def test_dense_data_are_trained_on_for_longer() -> None:
    settings = Settings(epochs=8, dense_epochs=20, max_positions=250_000)
    assert settings.epochs_of(70_000, 12_000) == 8
    assert settings.epochs_of(98_000, 1_700) == 20
    assert settings.epochs_of(150_000, 1_700) == 13
    assert settings.epochs_of(800_000, 4_700) == 8
