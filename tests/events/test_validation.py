"""What an event must be."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from mtrec_django.events.validation import check_basket, check_kind, check_time, check_value
from mtrec_django.exceptions import BadFeedback


@pytest.mark.parametrize("kind", ["view", "add_to-cart", "v2.click", "Purchase", "x" * 32])
def test_a_good_kind(kind: str) -> None:
    assert check_kind(kind) == kind


@pytest.mark.parametrize("kind", ["", " view", "add to cart", "x" * 33, "-", None, 3, "view\n", "vue\x00"])
def test_a_bad_kind(kind: Any) -> None:
    with pytest.raises(BadFeedback) as caught:
        check_kind(kind)
    assert repr(kind) in str(caught.value)


@pytest.mark.parametrize(
    ("value", "number"),
    [(None, None), (3, 3.0), (0, 0.0), (Decimal("2.5"), 2.5), (-1.5, -1.5), (np.int64(4), 4.0), (np.float32(0.5), 0.5)],
)
def test_a_good_value(value: Any, number: float | None) -> None:
    assert check_value(value) == number


@pytest.mark.parametrize("value", ["3", True, math.nan, math.inf, Decimal("sNaN"), 10**400, [1], {}])
def test_a_bad_value(value: Any) -> None:
    with pytest.raises(BadFeedback) as caught:
        check_value(value)
    assert repr(value) in str(caught.value)


def test_times() -> None:
    moment = datetime.datetime(2020, 5, 1, 12, tzinfo=datetime.UTC)
    assert check_time(moment) == moment
    assert check_time(None) <= timezone.now()
    assert check_time(datetime.datetime(2020, 5, 1, 12)) == timezone.make_aware(datetime.datetime(2020, 5, 1, 12))
    assert check_time(timezone.now() + datetime.timedelta(minutes=1))


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC), "in the future"),
        (datetime.datetime(1969, 1, 1, tzinfo=datetime.UTC), "before 1970"),
        ("2020-05-01", "is no datetime"),
        (1_500_000_000, "is no datetime"),
        (datetime.date(2020, 5, 1), "is no datetime"),
    ],
)
def test_bad_times(time: Any, message: str) -> None:
    with pytest.raises(BadFeedback, match=message):
        check_time(time)


def test_baskets() -> None:
    assert check_basket("o-1") == "o-1"
    assert check_basket(17) == "17"
    for basket in ("x" * 65, "a\x00"):
        with pytest.raises(BadFeedback, match="Basket"):
            check_basket(basket)
