"""Settings of a live site that is measured: nobody is slowed down on purpose, unless that is what is asked."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403
from tests.settings import MTREC, REST_FRAMEWORK

RATE = os.environ.get("MTREC_TEST_RATE") or None
SCOPES = ("mtrec-read", "mtrec-feedback", "mtrec-token", "mtrec-privacy", "mtrec-address", "mtrec-server")

REST_FRAMEWORK = REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": dict.fromkeys(SCOPES, RATE)}
MTREC = MTREC | {"SIMILAR_VISITORS": True}
