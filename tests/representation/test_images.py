from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtrec_django.representation.images import ColourEncoder, ImageEncoder, VisionEncoder, load_image_encoder


def picture(colour: str, *, size: tuple[int, int] = (60, 40), mode: str = "RGB", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image = Image.new("RGB", size, colour)
    image.paste("white", (0, 0, size[0] // 2, size[1] // 2))
    image.convert(mode).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny vision network as `transformers` keeps one."""
    import torch
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "tiny-vit"
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    ViTModel(ViTConfig(**sizes, image_size=32, patch_size=8)).save_pretrained(path)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(path)
    return path


@pytest.fixture(params=["colours", "vision"])
def encoder(request: pytest.FixtureRequest, folder: Path) -> ImageEncoder:
    made: dict[str, Callable[[], ImageEncoder]] = {
        "colours": ColourEncoder,
        "vision": lambda: VisionEncoder(folder, batch_size=2),
    }
    return made[request.param]()


IMAGES = [
    picture("red"),
    b"",
    picture("blue"),
    b"no picture at all",
    picture("red"),
    picture("green", mode="L"),
    picture("green", mode="P"),
    picture("green", kind="JPEG", size=(7, 300)),
    picture("red")[:-40],
]


def test_one_row_a_picture_and_zeros_for_what_is_none(encoder: ImageEncoder) -> None:
    rows = encoder.encode(IMAGES)
    assert isinstance(encoder, ImageEncoder)
    assert (rows.shape, rows.dtype) == ((len(IMAGES), encoder.width), np.float32)
    good = np.any(rows != 0, axis=1)
    assert good[[0, 2, 4, 5, 6, 7]].all()
    assert not good[[1, 3]].any()
    np.testing.assert_allclose(np.linalg.norm(rows[good], axis=1), 1, atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.width)


def test_the_same_picture_is_the_same_vector_whatever_is_beside_it(encoder: ImageEncoder) -> None:
    rows = encoder.encode(IMAGES)
    np.testing.assert_array_equal(rows, encoder.encode(IMAGES))
    np.testing.assert_allclose(rows, np.vstack([encoder.encode([image]) for image in IMAGES]), atol=1e-5)
    np.testing.assert_allclose(rows[0], rows[4], atol=1e-5)
    assert not np.allclose(rows[0], rows[2], atol=1e-3)


def test_progress_ends_with_all(encoder: ImageEncoder) -> None:
    seen: list[tuple[int, int]] = []
    encoder.encode(IMAGES, on_batch=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (len(IMAGES), len(IMAGES))


def test_like_colours_are_near() -> None:
    red, dark, blue = ColourEncoder().encode([picture("red"), picture("darkred"), picture("blue")])
    assert red @ dark > red @ blue


def test_a_picture_that_would_not_fit_into_memory_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtrec_django.representation.images.MOST_PIXELS", 60 * 40 - 1)
    assert not ColourEncoder().encode([picture("red")]).any()


def test_a_setting_names_an_encoder(folder: Path) -> None:
    assert load_image_encoder("") is None
    colours = load_image_encoder("colours")
    assert colours is not None
    assert colours.name == "image/colours-6"
    network = load_image_encoder(str(folder))
    assert network is not None
    assert network.name == "image/tiny-vit"
    assert isinstance(load_image_encoder("mtrec_django.representation.images.ColourEncoder"), ColourEncoder)
    with pytest.raises(ImportError, match="NoSuch"):
        load_image_encoder("mtrec_django.representation.images.NoSuch")
