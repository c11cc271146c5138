"""A worker whose trainings are over in a moment."""

from __future__ import annotations

from tests.settings_worker import *  # noqa: F403

MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 2}, "THREADS": 1}
