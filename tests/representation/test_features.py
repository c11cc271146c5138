from __future__ import annotations

import numpy as np

from mtrec_django.dataset import Items, Labels
from mtrec_django.representation.encoders import HashingEncoder
from mtrec_django.representation.features import ColdPlaces, ItemFeatures, mean_of_nearest


def catalogue() -> Items:
    texts = [f"{colour} {thing}" for colour in ("red", "blue", "green") for thing in ("lamp", "candle", "hose")] + [""]
    labels = Labels.from_rows([[text.split()[0], "any"] if text else [] for text in texts])
    prices = np.array([1, 2, 3, 4, np.nan, 6, 7, 8, 1e9, 2], np.float32)
    return Items(np.arange(10), HashingEncoder(64).encode(texts), {"colour": labels}, {"price": prices}, texts)


def test_rows_are_of_unit_size_and_finite() -> None:
    items = catalogue()
    features = ItemFeatures.fit(items)
    rows = features.transform(items)
    assert rows.shape == (10, features.width)
    assert np.isfinite(rows).all()
    text = features.text(items)
    assert text is not None
    np.testing.assert_allclose(np.sqrt(np.mean(text[:9] ** 2, axis=1)), 1, atol=1e-5)
    assert not text[9].any()


def test_whitening_makes_axes_equal() -> None:
    rng = np.random.default_rng(0)
    content = (rng.standard_normal((400, 6)) * [30, 10, 3, 1, 1, 1] + 5).astype(np.float32)
    features = ItemFeatures.fit(Items(np.arange(400), content))
    white = (content - features.arrays["text_mean"]) @ features.arrays["text_axes"]
    np.testing.assert_allclose(np.cov(white.T), np.eye(6), atol=0.05)


def test_a_text_that_thousands_share_does_not_bend_the_axes() -> None:
    items = catalogue()
    many = np.concatenate([items.content, np.repeat(items.content[:1], 500, axis=0)])
    few, repeated = ItemFeatures.fit(items), ItemFeatures.fit(Items(np.arange(510), many))
    np.testing.assert_allclose(few.arrays["text_mean"], repeated.arrays["text_mean"], atol=1e-5)


def test_missing_numbers_are_missing_and_outliers_are_tame() -> None:
    items = catalogue()
    price, size, missing = ItemFeatures.fit(items).transform(items)[:, -3:].T
    assert (price[4], size[4], missing[4]) == (0, 0, 1)
    assert price[8] == 1
    assert (np.abs(size) <= 3).all()
    assert (np.diff(size[[0, 1, 2, 3, 5, 6, 7, 8]]) > 0).all()
    assert not missing[[0, 1, 2, 3, 5, 6, 7, 8]].any()


def test_unknown_labels_and_fields_of_later_items_count_nothing() -> None:
    features = ItemFeatures.fit(catalogue())
    later = Items(np.arange(2), np.zeros((2, 0), np.float32), {"colour": Labels.from_rows([["mauve"], ["red"]])})
    rows = features.transform(later)
    assert rows.shape == (2, features.width)
    bags = features.bags(later)
    assert bags is not None
    assert not bags[0].any()
    assert bags[1].any()


def test_the_mapping_survives_its_parts() -> None:
    items = catalogue()
    features = ItemFeatures.fit(items)
    again = ItemFeatures.from_parts(features.arrays, features.config())
    np.testing.assert_array_equal(again.transform(items), features.transform(items))


def test_items_that_say_nothing_at_all_have_a_row_too() -> None:
    bare = Items(np.arange(3), np.zeros((3, 0), np.float32))
    features = ItemFeatures.fit(bare)
    assert features.transform(bare).shape == (3, 1)
    assert not features.similarity(bare).any()


def test_alike_items_are_alike() -> None:
    similar = ItemFeatures.fit(catalogue()).similarity(catalogue())
    red_lamp, red_candle, blue_lamp, green_hose = similar[0], similar[1], similar[3], similar[8]
    assert red_lamp @ red_candle > red_lamp @ green_hose
    assert red_lamp @ blue_lamp > blue_lamp @ green_hose


def test_cold_items_stand_where_their_likes_stand() -> None:
    similar = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], np.float32)
    vectors = np.array([[0, 1], [1, 0], [-1, 0], [0.6, 0.8]], np.float32)
    placed = ColdPlaces.find(similar, np.array([5, 0, 5, 0])).put(vectors.copy())
    assert placed[1] @ [0, 1] > 0.99
    np.testing.assert_array_equal(placed[[0, 2, 3]], vectors[[0, 2, 3]])
    np.testing.assert_array_equal(ColdPlaces.find(similar, np.zeros(4)).put(vectors.copy()), vectors)
    middle, places = np.array([[1, 1]], np.float32), np.array([[1, 0], [0, 1]], np.float32)
    placed = mean_of_nearest(middle, similar[[0, 2]], places, np.array([7, 9]))  # five events say enough
    np.testing.assert_allclose(placed, [[0.70710677, 0.70710677]], atol=1e-6)
    placed = mean_of_nearest(middle, similar[[0, 2]], places, np.array([3, 4]))
    np.testing.assert_allclose(placed, [[0.6, 0.8]], atol=1e-6)


def test_a_large_catalogue_is_made_piece_by_piece() -> None:
    items = catalogue()
    features = ItemFeatures.fit(items)
    parts = [part for _, part in items.parts(3)]
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    np.testing.assert_array_equal(np.vstack([features.transform(part) for part in parts]), features.transform(items))
    np.testing.assert_array_equal(np.vstack([features.similarity(part) for part in parts]), features.similarity(items))


def test_half_precision_is_enough_for_content() -> None:
    items = catalogue()
    halves = Items(items.ids, items.content.astype(np.float16), items.categories, items.numbers, items.titles)
    np.testing.assert_allclose(
        ItemFeatures.fit(halves).similarity(halves), ItemFeatures.fit(items).similarity(items), atol=0.01
    )


def test_pictures_stand_beside_texts_and_tell_like_from_unlike() -> None:
    rng = np.random.default_rng(0)
    looks = rng.standard_normal((2, 8))
    images = (looks[np.arange(60) % 2] + 0.2 * rng.standard_normal((60, 8))).astype(np.float32)
    images[7] = 0
    items = Items(np.arange(60), np.zeros((60, 0), np.float32), images=images)
    features = ItemFeatures.fit(items)
    similar = features.similarity(items)
    assert features.transform(items).shape == (60, features.width)
    assert not similar[7].any()
    assert similar[0] @ similar[2] > similar[0] @ similar[1]
    without = Items(np.arange(2), np.zeros((2, 0), np.float32))
    assert not features.transform(without).any()
