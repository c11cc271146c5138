"""Long tables are not counted."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mtrec_django.admin import readonly
from mtrec_django.admin.readonly import BoundedPaginator
from mtrec_django.models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture
def items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readonly, "COUNT_LIMIT", 5)
    Item.objects.bulk_create([Item(source="testsite.product", object_id=str(number)) for number in range(9)])


def test_short_lists_are_exact(items: None) -> None:
    assert BoundedPaginator(Item.objects.filter(object_id__in=["1", "2"]).order_by("pk"), 2).count == 2


def test_a_filtered_list_is_counted_up_to_the_limit(items: None) -> None:
    assert BoundedPaginator(Item.objects.filter(available=True).order_by("pk"), 2).count == 6


def test_a_whole_table_is_estimated_beyond_the_limit(items: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("analyze mtrec_item")
    assert BoundedPaginator(Item.objects.order_by("pk"), 2).count == 9


def test_the_count_is_bounded_in_the_database(items: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        _ = BoundedPaginator(Item.objects.filter(available=True).order_by("pk"), 2).count
    assert "LIMIT 6" in queries[0]["sql"]
