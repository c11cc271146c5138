"""What is read out of the log of answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mtrec_django.catalog.sync import sync
from mtrec_django.dataset import ELSEWHERE, NO_SCENARIO, Dataset
from mtrec_django.jobs import unanswered
from mtrec_django.jobs.arrays import read_dataset
from mtrec_django.jobs.unanswered import with_shown
from mtrec_django.learning.unanswered import TIMES
from mtrec_django.models import Feedback, Item, Recommendation, Scenario, Visitor

from .worlds import make_products

pytestmark = pytest.mark.django_db

START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def items(settings) -> list[int]:
    settings.MTREC = {"ENCODER": "hashing"}
    Scenario.objects.all().delete()
    make_products()
    sync(["testsite.product"])
    return list(Item.objects.order_by("pk").values_list("pk", flat=True))


def known(item: int) -> Visitor:
    """A visitor with one event."""
    visitor = Visitor.objects.create()
    Feedback.objects.create(visitor=visitor, item_id=item, kind="view", time=START)
    return visitor


def show(visitor: Visitor | None, lists: list[list[int]], scenario: Scenario | None = None) -> None:
    """An answer an hour."""
    for hour, items in enumerate(lists):
        Recommendation.objects.create(
            visitor=visitor,
            scenario=scenario,
            items=items,
            sources=["personal"] * len(items),
            scores=[1.0] * len(items),
            created_at=START + timedelta(hours=hour),
        )


def rows(data: Dataset) -> list[tuple[int, int, int, int]]:
    """(visitor, item, scenario, hour) by primary key, sorted."""
    shown, begin = data.shown, int(START.timestamp())
    users, items = data.users.ids[shown.user].tolist(), data.items.ids[shown.item].tolist()
    return sorted(zip(users, items, shown.scenario.tolist(), ((shown.time - begin) // 3600).tolist(), strict=True))


def test_a_pair_stands_there_once_from_the_fifth_list_on(items) -> None:
    home, off = (Scenario.objects.create(name=name, enabled=name == "home") for name in ("home", "off"))
    first, second = known(items[0]), known(items[0])
    show(first, [[items[3], items[4]]] * (TIMES - 1) + [[items[3]]] * 4, home)
    show(second, [[items[5]]] * TIMES, off)
    show(second, [[items[6]]] * TIMES)
    data = with_shown(read_dataset())
    assert rows(data) == [
        (first.pk, items[3], 0, TIMES - 1),
        (second.pk, items[5], ELSEWHERE, TIMES - 1),
        (second.pk, items[6], NO_SCENARIO, TIMES - 1),
    ]
    assert len(data.events) == 2


def test_nobodys_lists_and_those_of_the_silent_say_nothing(items) -> None:
    known(items[0])
    show(None, [[items[3]]] * TIMES)
    show(Visitor.objects.create(), [[items[3]]] * TIMES)
    assert rows(with_shown(read_dataset())) == []


def test_of_too_many_the_newest_are_read(items, monkeypatch) -> None:
    monkeypatch.setattr(unanswered, "MOST", 1)
    visitor = known(items[0])
    show(visitor, [[items[3]]] * TIMES + [[items[4]]] * TIMES)
    assert rows(with_shown(read_dataset())) == [(visitor.pk, items[4], NO_SCENARIO, 2 * TIMES - 1)]
