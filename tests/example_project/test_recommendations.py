from __future__ import annotations

from django.core.management import call_command

from example_project.shop.basket import BasketLine
from example_project.shop.models import Order, OrderLine, Product
from example_project.shop.orders import place_order
from mtrec_django import recommend
from mtrec_django.catalog.registry import source_for
from mtrec_django.models import Feedback, Item, Scenario
from tests.example_project.folder import LINES


def test_history_gives_every_old_line_once_oldest_first(shop: dict[str, Product]) -> None:
    place_order(None, [BasketLine(shop["MUG"], 1)])

    events = list(source_for(Product).history())

    assert len(events) == LINES == OrderLine.objects.filter(order__in=Order.objects.historic()).count()
    assert len({event.key for event in events}) == LINES
    assert [event.time for event in events] == sorted(event.time for event in events)
    first = next(event for event in events if event.object_id == shop["OLD"].pk)
    line = OrderLine.objects.get(product=shop["OLD"])
    assert line.quantity == 2
    assert (first.kind, first.value) == ("purchase", float(line.total))  # an amount of money


def test_the_history_comes_in_once_however_often_it_is_imported(shop: dict[str, Product]) -> None:
    assert Feedback.objects.filter(kind="purchase").count() == LINES

    call_command("mtrec_import", "--history", verbosity=0)

    assert Feedback.objects.count() == LINES


def test_scenarios_and_items_are_written(shop: dict[str, Product]) -> None:
    assert set(Scenario.objects.values_list("name", "parent__name")) >= {
        ("home", None),
        ("product", "home"),
        ("basket", "home"),
    }
    assert Item.objects.filter(available=True).count() == 5


def test_what_is_sold_out_is_never_recommended(shop: dict[str, Product]) -> None:
    Product.objects.filter(sku="MUG").update(stock=0)

    shown = {product.sku for product in recommend(None, "home", n=6)}

    assert shown == {"POT", "TREE", "STAR", "BAG"}
