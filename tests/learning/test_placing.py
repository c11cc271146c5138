"""What came after the training goes with what its like goes with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtrec_django.dataset import Dataset
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.placing import item_neighbours

from .worlds import WORDS, catalogue_of


def test_a_new_item_joins_the_lists_of_its_taste(trained: Trained, world: Dataset) -> None:
    known = len(world.items)
    new = next(part for _, part in catalogue_of(2 * known).parts(known) if part.ids[0] != world.items.ids[0])
    trusting = replace(trained, report=trained.report | {"recipe": {"cold_share": 1.0, "cold_stress": 2.0}})
    own, joined = item_neighbours(trusting, new, world.items)
    tastes = (known + np.arange(len(new))) % len(WORDS)
    for table in (own, joined):
        there = table.others >= 0
        assert there.any(axis=1).all()
        same = (table.others % len(WORDS) == tastes[:, None]) & there
        assert (table.weights * same).sum() > 0.9 * table.weights.sum()
    distrusting = replace(trained, report=trained.report | {"recipe": {"cold_share": 0.0}})
    assert all((table.others < 0).all() for table in item_neighbours(distrusting, new, world.items))
