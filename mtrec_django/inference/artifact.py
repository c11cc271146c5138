"""The file a training leaves: named arrays, JSON settings and a card, as safetensors. Nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT = 1
"""Raised when an older reader could not read what a newer writer wrote."""


class ArtifactError(ValueError):
    """An artifact that cannot be read: damaged, of another format, or not one at all."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """Arrays by name and the settings that made them."""

    kind: str  # "base" or "transfer"
    config: dict[str, Any] = field(default_factory=dict)  # JSON only
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    card: str = ""  # Markdown, written by the run

    def to_bytes(self) -> bytes:
        """One safetensors file; settings and card ride in its header."""
        header = {"format": FORMAT, "kind": self.kind, "config": self.config}
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        return save(arrays, metadata={"mtrec": json.dumps(header, sort_keys=True), "card": self.card})

    @classmethod
    def from_bytes(cls, data: bytes, *, sha256: str | None = None) -> Artifact:
        """Read what `to_bytes` wrote.

        Raises:
            ArtifactError: when the checksum differs, the bytes are damaged or the format is newer than this reader.
        """
        if sha256 is not None and checksum(data) != sha256:
            raise ArtifactError(f"checksum {checksum(data)[:12]}… is not the stored {sha256[:12]}…")
        try:
            arrays = load(data)
            size = int.from_bytes(data[:8], "little")
            metadata = json.loads(data[8 : 8 + size])["__metadata__"]
            header = json.loads(metadata["mtrec"])
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"not an artifact: {error}") from error
        if header["format"] > FORMAT:
            raise ArtifactError(f"format {header['format']} is newer than this reader's {FORMAT}")
        return cls(header["kind"], header["config"], arrays, metadata["card"])

    def part(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """The arrays below `prefix.`, by the rest of their names."""
        start = prefix + "."
        return {name[len(start) :]: array for name, array in self.arrays.items() if name.startswith(start)}


def joined(parts: Iterable[tuple[bytes | memoryview, str]]) -> bytes:
    """A file of its parts, each with its checksum, in order.

    Raises:
        ArtifactError: when there is none, or one is damaged.
    """
    out = bytearray()
    for data, sha256 in parts:
        if checksum(data) != sha256:
            raise ArtifactError(f"checksum {checksum(data)[:12]}… is not the stored {sha256[:12]}…")
        out += data
    if not out:
        raise ArtifactError("there is no such file")
    return bytes(out)


def checksum(data: bytes | memoryview) -> str:
    """The SHA-256 of the bytes, as hex."""
    return hashlib.sha256(data).hexdigest()
