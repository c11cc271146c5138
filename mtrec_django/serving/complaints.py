"""A recommender that cannot answer as it should says so once, not at every page view."""

from __future__ import annotations

import logging
import threading
import time

logger = logging.getLogger("mtrec_django.serving")

QUIET_SECONDS = 300.0
"""How long the same cause stays unsaid after it was said."""

_said: dict[str, float] = {}
_lock = threading.Lock()


def complain(cause: str, detail: object) -> None:
    """One warning a cause and five minutes."""
    now = time.monotonic()
    with _lock:
        if now - _said.get(cause, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        _said[cause] = now
    logger.warning("%s: %s", cause, detail, extra={"cause": cause, "detail": str(detail)})


def forget() -> None:
    """Say everything again; for tests."""
    with _lock:
        _said.clear()
