"""A worker whose trainings go on until somebody stops them."""

from __future__ import annotations

from tests.settings_worker import *  # noqa: F403

MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 100_000, "patience": 100_000}, "THREADS": 1}
