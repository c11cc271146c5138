"""The small site of the tests as it would be served: connections that stay, no rate limits, no debugging."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, REST_FRAMEWORK

DEBUG = False
ALLOWED_HOSTS = ["*"]
DATABASES["default"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"mtrec-read": None, "mtrec-feedback": None}}
LOGGING: dict[str, object] = {"version": 1, "disable_existing_loggers": False}
