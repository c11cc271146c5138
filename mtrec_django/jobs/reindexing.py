"""Graphs that have seen many writes are built anew, while the old ones serve."""

from __future__ import annotations

from ..retrieval import store


def reindex() -> list[int]:
    """Build anew what is due; returns the versions. Two at once build twice, in turn."""
    due = [version for version, _share in store.worn()]
    for version in due:
        store.rebuild_graph(version)
    return due
