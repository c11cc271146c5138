"""What a training reads is what the tables hold, however small the blocks are in which it comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pytest

from mtrec_django import jobs
from mtrec_django.catalog.sync import sync
from mtrec_django.dataset import ELSEWHERE, NO_SCENARIO
from mtrec_django.jobs import arrays
from mtrec_django.jobs.arrays import read_content, read_dataset
from mtrec_django.jobs.copying import copy_blocks
from mtrec_django.models import Feedback, Item, ItemContent, Scenario, Visitor

from .worlds import make_products

pytestmark = pytest.mark.django_db

START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(settings) -> list[Item]:
    settings.MTREC = {"ENCODER": "hashing"}
    Scenario.objects.all().delete()
    make_products()
    sync(["testsite.product"])
    return list(Item.objects.order_by("pk"))


def give(visitor: Visitor, item: Item, minute: int, *, scenario: Scenario | None = None, kind: str = "view") -> None:
    Feedback.objects.create(
        visitor=visitor, item=item, kind=kind, time=START + timedelta(minutes=minute), scenario=scenario
    )


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_events_are_sorted_by_visitor_and_time(world, monkeypatch, rows: int) -> None:
    monkeypatch.setattr(arrays, "copy_blocks", partial(copy_blocks, rows=rows))
    home, off = (Scenario.objects.create(name=name, enabled=name == "home") for name in ("home", "off"))
    first, silent, second = (Visitor.objects.create() for _ in range(3))
    for minute, item in ((7, 3), (1, 0), (4, 2)):
        give(second, world[item], minute)
        give(first, world[item + 1], minute, scenario=home if item else off, kind="purchase")
    data = read_dataset()
    assert data.users.ids.tolist() == [first.pk, second.pk]
    assert data.events.user.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.events.item.tolist() == [1, 3, 4, 0, 2, 3]
    assert [data.kinds[kind] for kind in data.events.kind] == ["purchase"] * 3 + ["view"] * 3
    assert data.events.scenario.tolist() == [ELSEWHERE, 0, 0, *[NO_SCENARIO] * 3]
    assert (np.diff(data.events.time) == [180, 180, -360, 180, 180]).all()
    assert silent.pk not in data.users.ids


@pytest.mark.parametrize("rows", [1, 5, 100])
def test_content_stands_where_its_item_stands(world, monkeypatch, rows: int) -> None:
    monkeypatch.setattr(arrays, "copy_blocks", partial(copy_blocks, rows=rows))
    jobs.encode_items()
    ids = np.array([item.pk for item in world])
    ItemContent.objects.filter(item__in=[world[0].pk, world[7].pk, world[-1].pk]).delete()
    content = read_content(ids)
    stored = {row.item_id: np.frombuffer(row.vector, "<f2") for row in ItemContent.objects.all()}
    assert content.shape == (24, 256)
    for row, pk in enumerate(ids.tolist()):
        np.testing.assert_array_equal(content[row], stored.get(pk, np.zeros(256)))


def test_nothing_encoded_is_content_of_zeros(world) -> None:
    assert not read_content(np.array([item.pk for item in world])).any()


def test_what_is_known_of_visitors_stands_in_their_row(world) -> None:
    told, silent = Visitor.objects.create(features={"age": 30, "town": "Bonn"}), Visitor.objects.create()
    give(silent, world[0], 1)
    give(told, world[0], 1)
    users = read_dataset().users
    assert [users.categories["town"].row(row) for row in range(2)] == [["Bonn"], []]
    np.testing.assert_array_equal(users.numbers["age"], [30, np.nan])
