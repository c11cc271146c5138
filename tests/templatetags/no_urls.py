"""A site that does not include the package's addresses."""

from __future__ import annotations

urlpatterns: list[object] = []
