"""Signals a site may listen to."""

from __future__ import annotations

from django.dispatch import Signal

feedback_received = Signal()
"""Sent after an event was stored, with `feedback`. Not sent by bulk imports."""

visitor_merged = Signal()
"""Sent after a guest became a signed-in visitor, with `visitor` and `merged` (the primary key that is gone)."""

version_published = Signal()
"""Sent after commit when a version went live, with `version` and `scenarios` (names)."""

run_finished = Signal()
"""Sent when a run ended, with `run`."""
