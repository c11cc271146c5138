"""What runs off-line, as plain functions; `tasks` calls them. Loaded by workers and commands, never by a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog.sync import sync as sync_catalogue
from .batches import drop_batches, make_chunk, send_chunks
from .dumping import dump
from .erasing import erase
from .experiments import refresh_experiments
from .exporting import export_visitor
from .folders import export_folder
from .metrics import refresh_metrics
from .partners import refresh_partners
from .pruning import prune
from .reindexing import reindex
from .restoring import restore
from .retention import expire
from .scores import refresh_scores

if TYPE_CHECKING:
    from .encoding import call_helpers, encode_items
    from .picturing import encode_images
    from .placing import place_new_items
    from .training import take_part, train, transfer

__all__ = [
    "call_helpers",
    "drop_batches",
    "dump",
    "encode_images",
    "encode_items",
    "erase",
    "expire",
    "export_folder",
    "export_visitor",
    "make_chunk",
    "place_new_items",
    "prune",
    "refresh_experiments",
    "refresh_metrics",
    "refresh_partners",
    "refresh_scores",
    "reindex",
    "restore",
    "send_chunks",
    "sync_catalogue",
    "take_part",
    "train",
    "transfer",
]

_NEED_TORCH = {
    "call_helpers": "encoding",
    "encode_images": "picturing",
    "encode_items": "encoding",
    "place_new_items": "placing",
    "take_part": "training",
    "train": "training",
    "transfer": "training",
}


def __getattr__(name: str) -> Any:
    """What needs the extra [train] is loaded on first use, so that the rest runs without it."""
    from importlib import import_module

    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_NEED_TORCH[name]}", __name__), name)
