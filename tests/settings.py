"""The example shop's settings with the small site of the tests beside it."""

from __future__ import annotations

from example_project.settings import *  # noqa: F403
from example_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.site"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MTREC = {"ENCODER": "hashing"}  # no weights in tests
CELERY_BROKER_URL = "memory://"  # never the broker of a demo that runs beside the tests
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
