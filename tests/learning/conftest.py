from __future__ import annotations

import pytest

from mtrec_django.dataset import Dataset
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.pretrain import fit

from .worlds import QUICK, tastes


@pytest.fixture(scope="session")
def world() -> Dataset:
    return tastes(second=True)


@pytest.fixture(scope="session")
def trained(world: Dataset) -> Trained:
    return fit(world, settings=QUICK, seed=3)
