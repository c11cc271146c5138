"""What is written on items, in a byte an axis: as alike as before, and nothing is like what says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.inference import texts
from mtrec_django.inference.texts import likeness, pack, unpack


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("width", [1, 64, 256])
def test_cosines_are_kept(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "CHUNK", 7)
    rows = np.random.default_rng(0).standard_normal((40, width), np.float32)
    rows[:, 0] += 3
    packed = pack(rows)
    read = unpack(packed.tobytes(), width)
    assert (packed.dtype, packed.shape, read.dtype) == (np.int8, rows.shape, np.float32)
    np.testing.assert_allclose(read @ read.T, unit(rows) @ unit(rows).T, atol=0.01)


def test_a_length_says_nothing() -> None:
    rows = np.array([[1e-4, -2e-4], [100, -200]], np.float32)
    assert pack(rows).tolist() == [[64, -127]] * 2


def test_what_says_nothing_is_nan() -> None:
    packed = pack(np.array([[0, 0], [0, -3]], np.float32))
    assert packed.tolist() == [[0, 0], [0, -127]]
    np.testing.assert_array_equal(unpack(packed.tobytes(), 2), [[np.nan, np.nan], [0, -1]])


def test_nothing_at_all() -> None:
    assert pack(np.empty((0, 5), np.float32)).shape == (0, 5)
    assert unpack(b"", 5).shape == (0, 5)


def test_likeness_is_the_weighted_sum_of_cosines() -> None:
    met = np.array([[1, 0], [np.nan, np.nan], [0, 1]], np.float32)
    rows = np.array([[0.6, 0.8], [np.nan, np.nan], [0, -1]], np.float32)
    alike = likeness(np.array([[1], [5], [0.5]], np.float32) * met, rows)
    np.testing.assert_allclose(alike, [0.6 + 0.4, np.nan, -0.5], atol=1e-6)
    assert likeness(met[:0], rows)[0] == 0
