"""What every text encoder must do, whatever is behind it."""

from __future__ import annotations

import numpy as np

from mtrec_django.representation.encoders import TextEncoder

TEXTS = [
    "red candle",
    "",
    "blue garden hose",
    "Käse für 3 €, 日本語 🕯",
    "red candle",
    "   ",
    "a" * 5000,
    "lamp\nwith\tshade",
]


class TextEncoderTests:
    """Mix in and give `encoder`."""

    def test_one_row_a_text_of_the_width_it_names(self, encoder: TextEncoder) -> None:
        rows = encoder.encode(TEXTS)
        assert rows.shape == (len(TEXTS), encoder.width)
        assert rows.dtype == np.float32
        assert np.isfinite(rows).all()
        assert encoder.name
        assert isinstance(encoder, TextEncoder)

    def test_no_text_is_no_row(self, encoder: TextEncoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.width)

    def test_an_empty_text_is_zeros_and_no_other_is(self, encoder: TextEncoder) -> None:
        spoken = np.any(encoder.encode(TEXTS) != 0, axis=1)
        assert spoken.tolist() == [bool(text.strip()) for text in TEXTS]

    def test_the_same_text_is_the_same_vector(self, encoder: TextEncoder) -> None:
        first, second = encoder.encode(TEXTS), encoder.encode(TEXTS)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first[0], first[4], atol=1e-5)
        assert not np.allclose(first[0], first[2], atol=1e-2)

    def test_a_text_does_not_depend_on_those_beside_it(self, encoder: TextEncoder) -> None:
        together = encoder.encode(TEXTS)
        alone = np.vstack([encoder.encode([text]) for text in TEXTS])
        np.testing.assert_allclose(together, alone, atol=1e-4)

    def test_progress_ends_with_all_and_may_stop(self, encoder: TextEncoder) -> None:
        seen: list[tuple[int, int]] = []
        many = [f"text {number}" for number in range(600)]
        encoder.encode(many, on_batch=lambda done, total: seen.append((done, total)))
        assert seen == sorted(seen)
        assert seen[-1] == (600, 600)
