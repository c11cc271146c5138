"""The same world as the tests of serving."""

from __future__ import annotations

from tests.serving.conftest import _fresh_process, world

__all__ = ["_fresh_process", "world"]
