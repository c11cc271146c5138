"""A worker of the tests, with the test's own Postgres as its broker unless it is given another."""

from __future__ import annotations

import os

from example_project.environment import broker_of
from tests.settings import *  # noqa: F403

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or broker_of(os.environ["DATABASE_URL"])
