"""How much one request may ask for."""

from __future__ import annotations

DEFAULT_N = 10
MAX_N = 100
"""Items of one page."""

MAX_RANKED = 200
"""Items of a list that the caller wants ranked."""

MAX_CURSOR = 3600
"""Signs of a cursor; servers take addresses of some 4,000 (Gunicorn 4,094)."""

MAX_BATCH = 500
"""Events of one request."""

MAX_BODY = 1_000_000
"""Bytes of a request's body."""

READ_RATE = "240/min"
FEEDBACK_RATE = "120/min"
HAND_OUT_RATE = "30/min"
PRIVACY_RATE = "10/min"
"""For each signed visitor, else each signed-in user, else each address."""

ADDRESS_RATE = "2400/min"
"""For all signed visitors of one address."""

SERVER_RATE = "6000/min"
"""For each user whose key may act for visitors.

`mtrec-read`, `mtrec-feedback`, `mtrec-token`, `mtrec-privacy`, `mtrec-address` and `mtrec-server` in the site's
DEFAULT_THROTTLE_RATES override all these."""
