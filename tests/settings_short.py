"""A worker whose light tasks may take a second."""

from __future__ import annotations

from tests.settings_worker import *  # noqa: F403

MTREC = {"ENCODER": "hashing", "TASK_SECONDS": 1}
