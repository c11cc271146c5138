"""What an encoder tells of its progress."""

from __future__ import annotations

from collections.abc import Callable

OnBatch = Callable[[int, int], None]
"""Called with (done, in all) after each batch; may raise to stop."""
