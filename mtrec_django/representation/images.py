"""Frozen encoders of pictures: a pretrained vision network, or colours and shapes where no weights are at hand.

To write one: a class with `name`, `width` and `encode`; name it in the setting by its dotted path.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..dataset import Floats
from .batches import OnBatch

MOST_PIXELS = 50_000_000
"""A picture that says it has more is not opened: it would not fit into memory."""


@runtime_checkable
class ImageEncoder(Protocol):
    """What turns pictures into vectors, always the same ones for the same picture."""

    @property
    def name(self) -> str:
        """Identifies weights and version; vectors of different names are never mixed."""

    @property
    def width(self) -> int:
        """The length of a vector."""

    def encode(self, images: Sequence[bytes], *, on_batch: OnBatch | None = None) -> Floats:
        """One row a picture, in order; what is no picture is a row of zeros. [images, width]"""


def opened(data: bytes) -> Any | None:
    """The picture of a file's bytes in red, green and blue; None where they are none, damaged, or too large."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise ImportError("Pillow is missing: pip install 'mtrec-django[images]'") from error
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            return ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return None


class ColourEncoder:
    """Where which colours are, and where edges run: no weights, the same everywhere. It knows no things."""

    SIDE = 6
    width = SIDE * SIDE * 4
    name = f"image/colours-{SIDE}"

    def encode(self, images: Sequence[bytes], *, on_batch: OnBatch | None = None) -> Floats:
        """Unit rows; pictures of like colours in like places are near each other."""
        out = np.zeros((len(images), self.width), np.float32)
        for row, data in enumerate(images):
            if (image := opened(data)) is not None:
                out[row] = self._row(image)
            if on_batch is not None:
                on_batch(row + 1, len(images))
        return out

    def _row(self, image: Any) -> Floats:
        pixels = np.asarray(image.resize((self.SIDE * 8, self.SIDE * 8)), np.float32) / 255  # [side * 8, side * 8, 3]
        down, across = np.gradient(pixels.mean(axis=2))
        planes = np.dstack([pixels, 4 * np.hypot(down, across)])
        cells = planes.reshape(self.SIDE, 8, self.SIDE, 8, 4).mean(axis=(1, 3)).ravel() + 1e-3
        return np.asarray(cells / np.linalg.norm(cells), np.float32)


class VisionEncoder:
    """Any vision network that `transformers` loads, by its name or its folder."""

    def __init__(self, model: str | Path, *, batch_size: int = 32) -> None:
        self.model_path, self.batch_size = str(model), batch_size

    @property
    def name(self) -> str:
        return f"image/{Path(self.model_path).name}"

    @property
    def width(self) -> int:
        config = self._model.config
        return int(getattr(config, "projection_dim", 0) or getattr(config, "vision_config", config).hidden_size)

    @cached_property
    def _model(self) -> Any:
        return self._transformers.AutoModel.from_pretrained(self.model_path).eval()

    @cached_property
    def _processor(self) -> Any:
        return self._transformers.AutoImageProcessor.from_pretrained(self.model_path)

    @property
    def _transformers(self) -> Any:
        try:
            return importlib.import_module("transformers")
        except ImportError as error:
            raise ImportError("transformers is missing: pip install 'mtrec-django[train,images]'") from error

    def encode(self, images: Sequence[bytes], *, on_batch: OnBatch | None = None) -> Floats:
        """One row a picture, unit length."""
        out = np.zeros((len(images), self.width), np.float32)
        for first in range(0, len(images), self.batch_size):
            found = [(row, opened(data)) for row, data in enumerate(images[first : first + self.batch_size], first)]
            good = [(row, image) for row, image in found if image is not None]
            if good:
                out[[row for row, _ in good]] = self._embed([image for _, image in good])
            if on_batch is not None:
                on_batch(first + len(found), len(images))
        return out

    def _embed(self, images: list[Any]) -> Floats:
        import torch

        inputs = self._processor(images, return_tensors="pt")
        with torch.inference_mode():
            if hasattr(self._model, "get_image_features"):
                told = self._model.get_image_features(**inputs)
            else:
                told = self._model(**inputs)
        pooled = told if isinstance(told, torch.Tensor) else _pooled(told)
        vectors = pooled.float().numpy()
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _pooled(output: Any) -> Any:
    """One vector a picture: the network's own, or the mean over its patches."""
    pooled = getattr(output, "pooler_output", None)
    return output.last_hidden_state.mean(dim=1) if pooled is None else pooled.flatten(1)


def load_image_encoder(spec: str) -> ImageEncoder | None:
    """The encoder that a setting names: nothing, "colours", a dotted path to a class, or a model's name or folder.

    Raises:
        ImportError: when a dotted path leads nowhere.
    """
    if not spec:
        return None
    if spec == "colours":
        return ColourEncoder()
    module, _, attribute = spec.rpartition(".")
    if not module or "/" in spec or Path(spec).exists():
        return VisionEncoder(spec)
    try:
        encoder: ImageEncoder = getattr(importlib.import_module(module), attribute)()
    except AttributeError as error:
        raise ImportError(f"no {attribute!r} in {module!r}") from error
    return encoder
