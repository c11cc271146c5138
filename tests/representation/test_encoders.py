from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.representation.encoders import (
    HashingEncoder,
    MiniLM,
    SentenceTransformerEncoder,
    TextEncoder,
    load_encoder,
)


def test_the_hashing_encoder_is_the_same_everywhere() -> None:
    encoder = HashingEncoder(64)
    rows = encoder.encode(["Red candle", "red CANDLE", "", "blue lamp"])
    assert rows.shape == (4, 64)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not rows[2].any()
    np.testing.assert_allclose(np.linalg.norm(rows[[0, 3]], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.flatnonzero(HashingEncoder(8).encode(["a"])[0]), [0, 5])


def test_texts_that_share_words_are_near() -> None:
    rows = HashingEncoder().encode(["large red candle", "small red candle", "garden hose"])
    assert rows[0] @ rows[1] > 0.4 > rows[0] @ rows[2]


def test_it_tells_of_every_batch() -> None:
    seen: list[tuple[int, int]] = []
    HashingEncoder(8).encode(
        [str(number) for number in range(600)], on_batch=lambda done, total: seen.append((done, total))
    )
    assert seen == [(256, 600), (512, 600), (600, 600)]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("hashing", "hashing-256"),
        ("minilm", "all-MiniLM-L6-v2"),
        ("mtrec_django.representation.encoders.HashingEncoder", "hashing-256"),
        ("intfloat/multilingual-e5-small", "sentence-transformers/multilingual-e5-small"),
    ],
)
def test_a_setting_names_an_encoder(spec: str, name: str) -> None:
    encoder = load_encoder(spec)
    assert encoder.name == name


def test_a_dotted_path_that_leads_nowhere_is_named() -> None:
    with pytest.raises(ImportError, match="NoSuchEncoder"):
        load_encoder("mtrec_django.representation.encoders.NoSuchEncoder")


def test_the_encoders_keep_the_interface() -> None:
    assert isinstance(HashingEncoder(), TextEncoder)
    assert MiniLM().width == 384
    assert SentenceTransformerEncoder("some/model", name="mine").name == "mine"


class _Model:
    """Stands in for the pretrained network: the first letter's number, so that order and batches can be seen."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def get_embedding_dimension(self) -> int:
        return 2

    def encode(self, texts: list[str], *, batch_size: int, show_progress_bar: bool) -> np.ndarray:
        self.batches.append(texts)
        return np.array([[ord(text[0]), len(text)] for text in texts], np.float32)


def test_batches_of_like_length_come_back_in_order() -> None:
    encoder = SentenceTransformerEncoder("some/model", batch_size=2)
    model = _Model()
    encoder.__dict__["_model"] = model
    seen: list[tuple[int, int]] = []
    rows = encoder.encode(["aaaa", "b", "  ", "ccc", "dd"], on_batch=lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(rows[:, 1], [4, 1, 0, 3, 2])
    assert model.batches == [["b", "dd"], ["ccc", "aaaa"]]
    assert seen == [(2, 4), (4, 4)]
