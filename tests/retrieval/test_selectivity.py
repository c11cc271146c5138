"""How much a queryset keeps, and what follows."""

from __future__ import annotations

import pytest

from mtrec_django.retrieval import selectivity
from mtrec_django.retrieval.filters import Keys, keys_of
from mtrec_django.retrieval.selectivity import Sample, is_narrow, known_share, probe, read_share
from mtrec_django.retrieval.statement import read
from tests.site.models import Product


@pytest.fixture
def sample(db: None) -> Sample:
    products = [Product.objects.create(sku=f"{row}", title=f"P{row}", price=row) for row in range(6)]
    return Sample.of(str(one.pk) for one in products)


def below(price: float) -> Keys:
    return keys_of(Product.objects.filter(price__lt=price), "default")


@pytest.mark.parametrize(("price", "count"), [(0, 0), (2, 2), (99, 6)])
def test_a_probe_counts_the_sample(sample: Sample, price: int, count: int) -> None:
    assert read([probe(below(price), sample)], using="default") == [[(count,)]]


def test_keys_that_are_no_numbers_are_tried_as_they_are() -> None:
    assert Sample.of(["7", "seven", "9" * 30]) == Sample(3, '{"7","seven","' + "9" * 30 + '"}', "{7, null, null}")


def test_a_share_is_known_for_a_while(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_share(below(3), 1) is None
    assert read_share([(3,)], below(3), sample, 1) == 3.5 / 6
    assert known_share(below(3), 1) == 3.5 / 6
    assert known_share(below(4), 1) is None
    assert known_share(below(3), 2) is None
    monkeypatch.setattr(selectivity.time, "monotonic", lambda: float("inf"))
    assert known_share(below(3), 1) is None


def test_a_share_is_never_more_than_all(sample: Sample) -> None:
    assert read_share([(6,)], below(9), sample, 1) == 1.0
    assert read_share([(0,)], below(9), Sample(), 1) == 0.0


def test_only_so_many_are_remembered(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectivity, "MOST", 2)
    for price in range(5):
        read_share([(1,)], below(price), sample, 1)
    assert sum(known_share(below(price), 1) is not None for price in range(5)) <= 2


def test_what_is_narrow() -> None:
    assert is_narrow(0.0, 10)  # nothing is known
    assert not is_narrow(1.0, 1000)
    assert is_narrow(0.4, 1000)  # so small a catalogue is soon listed
    assert not is_narrow(0.2, 200_000)
    assert is_narrow(0.1, 200_000)
    assert not is_narrow(0.1, 1_000_000)
