"""The shop's settings for a web server and a worker beside the tests: fast hashing, no weights, a short training."""

from __future__ import annotations

from example_project.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MTREC = {"ENCODER": "hashing", "TRAIN": {"epochs": 2, "quick": True}, "CRAWLERS_COUNT": True}
