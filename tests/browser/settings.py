"""The tests' settings for a web server and a worker of their own: with a real broker, the test database itself."""

from __future__ import annotations

import os

from example_project.environment import broker_of
from tests.settings import *  # noqa: F403

CELERY_BROKER_URL = broker_of(os.environ["DATABASE_URL"])
MTREC = {"ENCODER": "hashing", "TRAIN": {"epochs": 2, "quick": True}}
