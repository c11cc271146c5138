from __future__ import annotations

import pytest

from mtrec_django.inference.blend import Blend
from mtrec_django.inference.polarity import heard, says_no

LOW = {"rating": 2.2}


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("rating", 1.0, "rating:low"),
        ("rating", 2.2, "rating:low"),
        ("rating", 3.0, "rating"),
        ("rating", None, "rating"),
        ("view", 1.0, "view"),
    ],
)
def test_a_low_rating_is_a_kind_of_its_own(kind: str, value: float | None, wanted: str) -> None:
    assert heard(kind, value, LOW) == wanted


def test_what_says_no_counts_against_its_like_unless_told_otherwise() -> None:
    assert [kind for kind in ("view", "dislike", "hide", "rating", "rating:low") if says_no(kind)] == [
        "dislike",
        "hide",
        "rating:low",
    ]
    blend = Blend(decay=0.5, kinds={"rating:low": 1.0})
    assert blend.history_weights(["view", "dislike", "rating:low"]).tolist() == [1.0, -0.5, 0.25]
