"""Worlds for the tests of serving."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mtrec_django.retrieval import selectivity
from mtrec_django.serving import complaints, live

from .world import World


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """Nothing is known of earlier tests."""
    live.reset()
    complaints.forget()
    selectivity.forget()
    yield
    live.reset()


@pytest.fixture
def world(db: None) -> World:
    return World().build()
