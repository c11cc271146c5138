"""A training that was killed goes on; whose checkpoint fits whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.dataset import Dataset, Items
from mtrec_django.learning.pretrain import fit

from .worlds import QUICK, tastes


class Memory:
    """A keeper that counts."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.written = 0

    def read(self) -> bytes | None:
        return self.data

    def write(self, data: bytes) -> None:
        self.data, self.written = data, self.written + 1


@pytest.fixture(scope="module")
def world() -> Dataset:
    return tastes(users=60)


@pytest.fixture
def killed(world: Dataset) -> Memory:
    """What a training left that was killed in its second epoch."""
    keeper = Memory()

    def stop_in_the_second_epoch(step: str, done: int, total: int) -> None:
        if step == "train" and done >= total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(world, settings=QUICK, checkpoint=keeper, progress=stop_in_the_second_epoch)
    assert keeper.written
    return keeper


def trained_anew(world: Dataset, keeper: Memory, **options: object) -> bool:
    """Whether the first epoch was run in this training."""
    steps: list[int] = []

    def watch(step: str, done: int, total: int) -> None:
        if step == "train":
            steps.append(done)

    fit(world, checkpoint=keeper, progress=watch, **({"settings": QUICK} | options))
    return steps[0] == 0


def test_it_goes_on_from_the_epoch_that_was_kept(world: Dataset, killed: Memory) -> None:
    assert not trained_anew(world, killed)


def test_what_was_learned_is_what_is_gone_on_with(world: Dataset) -> None:
    keeper = Memory()

    def stop_at_the_end(step: str, done: int, total: int) -> None:
        if step == "train" and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(world, settings=QUICK, checkpoint=keeper, progress=stop_at_the_end)
    resumed, uninterrupted = fit(world, settings=QUICK, checkpoint=keeper), fit(world, settings=QUICK)
    assert resumed.report["epochs"] == uninterrupted.report["epochs"]
    assert resumed.measured is not None and uninterrupted.measured is not None
    np.testing.assert_allclose(resumed.measured.vectors, uninterrupted.measured.vectors, atol=1e-3)


def test_new_events_are_no_hindrance(world: Dataset, killed: Memory) -> None:
    fewer = world.with_events(world.events[: len(world.events) - 5])
    assert not trained_anew(fewer, killed)


@pytest.mark.parametrize("options", [{"seed": 5}, {"settings": replace(QUICK, rate=1e-3)}])
def test_another_training_begins_at_nothing(world: Dataset, killed: Memory, options: dict) -> None:
    assert trained_anew(world, killed, **options)


def test_other_items_in_the_same_places_begin_at_nothing(world: Dataset, killed: Memory) -> None:
    items = Items(world.items.ids + 1000, world.items.content)
    assert trained_anew(replace(world, items=items), killed)


def test_other_features_of_the_same_items_begin_at_nothing(world: Dataset, killed: Memory) -> None:
    items = Items(world.items.ids, world.items.content[::-1].copy())
    assert trained_anew(replace(world, items=items), killed)


def test_a_damaged_one_is_no_reason_not_to_train(world: Dataset, killed: Memory) -> None:
    assert killed.data is not None
    killed.data = killed.data[:100]
    assert trained_anew(world, killed)
