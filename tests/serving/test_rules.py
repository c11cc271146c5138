"""What rules do to whole answers, said on the scenario and in a call; and who wins where two do not agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mtrec_django import recommend, similar_items
from mtrec_django.exceptions import BadRule, NotRegistered
from mtrec_django.models import Feedback, Item, Pin, Recommendation, Visitor
from mtrec_django.serving.recommendations import log_shown
from mtrec_django.serving.recommender import recommend_for
from tests.site.models import Brand, Product

from .world import World


@pytest.fixture
def visitor(world: World) -> Visitor:
    """Who likes topic 3, and 2 a little less."""
    return world.visitor((2, 0), (3, 0))


def arrange(world: World, **options: Any) -> None:
    world.scenario.options = options
    world.scenario.save()


def price(world: World, amount: float, *rows: tuple[int, int]) -> None:
    Product.objects.filter(pk__in=[world.product(*row).pk for row in rows]).update(price=amount)


def pin(world: World, row: tuple[int, int], position: int = 1, **fields: Any) -> Pin:
    return Pin.objects.create(scenario=world.scenario, item=world.item(*row), position=position, **fields)


def skus(answer: list[Any]) -> list[str]:
    return [product.sku for product in answer]


def test_a_boost_lifts_and_buries(world: World, visitor: Visitor) -> None:
    price(world, 3, (2, 0), (3, 5))
    price(world, 100, (3, 0), (3, 1))
    arrange(world, boost={"cheap": 10, "dear": 0})
    answer = recommend_for(visitor, "world", 80)
    assert skus(answer)[:3] == ["t3-5", "t2-0", "t3-2"]
    assert set(skus(answer)[-2:]) == {"t3-0", "t3-1"}
    scores = [one.recommendation.score for one in answer]
    assert scores == sorted(scores, reverse=True)


def test_a_call_may_boost_a_queryset_and_goes_before_the_scenario(world: World, visitor: Visitor) -> None:
    price(world, 3, (3, 5))
    arrange(world, boost={"cheap": 10})
    some = Product.objects.filter(sku__in=["t2-4"])
    assert skus(recommend_for(visitor, "world", 2, boost=[(some, 10)])) == ["t2-4", "t3-0"]
    assert skus(recommend_for(visitor, "world", 2, boost=[(some.order_by("sku")[:1], 10)])) == ["t2-4", "t3-0"]
    assert skus(recommend_for(visitor, "world", 1)) == ["t3-5"]


def test_by_counts_a_boost_lifts_too(world: World) -> None:
    world.scenario.live_version = None
    arrange(world, boost={"cheap": 5, "dear": 0})
    price(world, 3, (1, 1))
    price(world, 100, (2, 2))
    for topic, trending in [(2, 9), (4, 7), (5, 6), (1, 5)]:
        world.score(topic, topic, popular=trending, trending=trending)
    answer = skus(recommend_for(None, "world", 80))
    assert answer[:3] == ["t1-1", "t4-4", "t5-5"]
    assert answer[-1] == "t2-2"


def test_what_is_hidden_never_comes(world: World, visitor: Visitor) -> None:
    price(world, 100, (3, 0), (3, 1))
    arrange(world, hide=["dear"])
    answer = recommend_for(visitor, "world", 80)
    assert len(answer) == 78
    assert answer.short
    assert not {"t3-0", "t3-1"} & set(skus(answer))
    assert "t3-1" not in skus(similar_items(world.product(3, 0), 5, scenario="world"))


def test_a_call_may_leave_out_a_queryset(world: World, visitor: Visitor) -> None:
    price(world, 100, (3, 0))
    arrange(world, hide=["dear"])
    topic = Product.objects.filter(sku__startswith="t3")
    assert set(world.topics_of(recommend_for(visitor, "world", 10, exclude=topic))) == {2}
    few = topic.order_by("sku")[:9]
    for answer in (recommend_for(visitor, "world", 2, exclude=few), similar_items(world.product(3, 1), 2, exclude=few)):
        assert answer[0].sku == "t3-9"
        assert world.topics_of(answer)[1] != 3
    with pytest.raises(NotRegistered):
        recommend_for(visitor, "world", 2, exclude=Brand.objects.all())


def test_diversity_mixes_topics(world: World, visitor: Visitor) -> None:
    assert set(world.topics_of(recommend_for(visitor, "world", 6))) == {3}
    arrange(world, diversity=0.7)
    mixed = world.topics_of(recommend_for(visitor, "world", 6))
    assert mixed[0] == 3
    assert len(set(mixed)) == 6
    assert set(world.topics_of(recommend_for(visitor, "world", 6, diversity=0))) == {3}


def test_a_minimum_makes_lists_short(world: World, visitor: Visitor) -> None:
    answer = recommend_for(visitor, "world", 40, minimum=0.2)
    assert answer.short
    assert set(world.topics_of(answer)) == {2, 3}
    arrange(world, minimum=0.2)
    assert len(recommend_for(None, "world", 40)) == 40  # of whom nothing is known
    assert set(world.topics_of(similar_items(world.product(5, 0), 40, scenario="world"))) == {5}


def test_what_was_shown_in_vain_sinks_for_a_while(world: World, visitor: Visitor) -> None:
    arrange(world, rotation={"factor": 0.5, "hours": 2})
    first = recommend_for(visitor, "world", 3)
    assert skus(first) == ["t3-0", "t3-1", "t3-2"]
    log_shown(first)
    Feedback.objects.create(visitor=visitor, item=world.item(3, 1), kind="click")
    again = recommend_for(visitor, "world", 3)
    assert skus(again) == ["t3-1", "t3-3", "t3-4"]
    other = world.visitor((3, 0))
    assert skus(recommend_for(other, "world", 1)) == ["t3-0"]
    Recommendation.objects.update(created_at=timezone.now() - timedelta(hours=3))
    assert set(skus(recommend_for(visitor, "world", 3))) >= {"t3-0", "t3-1"}


def test_a_rule_that_makes_no_sense_is_refused(world: World) -> None:
    with pytest.raises(BadRule, match="from 0 to 1"):
        recommend_for(None, "world", diversity=7)
    with pytest.raises(BadRule, match="no cursor"):
        recommend_for(None, "world", after="!")
    with pytest.raises(BadRule, match="No candidate source"):
        similar_items(world.product(1, 1), candidates=["magic"])


def test_a_row_that_makes_no_sense_is_passed_over(world: World, caplog: pytest.LogCaptureFixture) -> None:
    arrange(world, diversity="much", at_most=3, hide=["dear"])
    price(world, 100, (3, 0))
    assert skus(recommend_for(world.visitor((3, 1)), "world", 2)) == ["t3-1", "t3-2"]
    assert "option diversity of world is passed over" in caplog.text
    assert "option at_most of world is passed over" in caplog.text


def test_rules_take_no_query_more(world: World, visitor: Visitor) -> None:
    price(world, 3, (2, 0))
    pin(world, (6, 6), 2)
    arrange(
        world,
        boost={"cheap": 2},
        hide=["dear"],
        diversity=0.3,
        at_most={"topic": 3},
        rotation={"factor": 0.5},
        minimum=-1,
    )
    recommend_for(visitor, "world", 5)
    with CaptureQueriesContext(connection) as queries:
        answer = recommend_for(visitor, "world", 5, queryset=Product.objects.all(), exclude=Product.objects.none())
    assert len(answer) == 5
    assert len(queries) == 3


def test_pins_stand_in_their_places(world: World, visitor: Visitor) -> None:
    pin(world, (6, 6), 1)
    pin(world, (7, 7), 3)
    pin(world, (7, 6), 3)
    answer = recommend_for(visitor, "world", 5)
    assert skus(answer) == ["t6-6", "t3-0", "t7-7", "t7-6", "t3-1"]
    assert [one.recommendation.position for one in answer] == [0, 1, 2, 3, 4]
    told = answer[0].recommendation
    assert (told.source, str(told.reason), told.item) == ("pinned", "Our choice", world.item(6, 6).pk)
    scores = [one.recommendation.score for one in answer]
    assert scores == sorted(scores, reverse=True)


def test_a_pin_of_what_would_come_anyway_moves_it(world: World, visitor: Visitor) -> None:
    pin(world, (3, 0), 3)
    assert skus(recommend_for(visitor, "world", 4)) == ["t3-1", "t3-2", "t3-0", "t3-3"]


def test_pins_have_dates(world: World, visitor: Visitor) -> None:
    now, hour = timezone.now(), timedelta(hours=1)
    pin(world, (6, 6), starts_at=now - hour, ends_at=now + hour)
    pin(world, (6, 5), starts_at=now + hour)
    pin(world, (6, 4), ends_at=now - hour)
    assert skus(recommend_for(visitor, "world", 2)) == ["t6-6", "t3-0"]


def test_a_pin_that_may_not_be_shown_is_skipped(world: World, visitor: Visitor) -> None:
    rows = [(6, rank) for rank in range(5)]
    for position, row in enumerate(rows, 1):
        pin(world, row, position)
    Product.objects.filter(pk=world.product(6, 0).pk).update(stock=0)
    price(world, 100, (6, 1))
    world.scenario.exclude = ["purchase"]
    arrange(world, hide=["dear"])
    Feedback.objects.create(visitor=visitor, item=world.item(6, 2), kind="purchase", time=timezone.now() - timedelta(9))
    answer = recommend_for(visitor, "world", 5, exclude=[world.product(6, 3)])
    assert skus(answer) == ["t3-0", "t3-1", "t3-2", "t3-3", "t6-4"]


@pytest.mark.parametrize("sliced", [False, True])
def test_a_pin_outside_the_queryset_is_skipped(world: World, visitor: Visitor, sliced: bool) -> None:
    pin(world, (6, 6))
    pin(world, (2, 2))
    some = Product.objects.filter(sku__regex="^t[23]").order_by("sku")
    answer = recommend_for(visitor, "world", 2, queryset=some[:20] if sliced else some)
    assert skus(answer) == ["t2-2", "t3-0"]


def test_pins_hold_without_a_version_and_not_among_similar_items(world: World) -> None:
    pin(world, (6, 6))
    assert skus(similar_items(world.product(3, 0), 1, scenario="world")) == ["t3-1"]
    world.scenario.live_version = None
    world.scenario.save()
    assert recommend_for(None, "world", 3)[0].sku == "t6-6"


def test_a_pin_behind_the_end_comes_last(world: World, visitor: Visitor) -> None:
    pin(world, (3, 1), 90)
    some = Product.objects.filter(sku__in=["t3-0", "t3-1", "t3-2"])
    assert skus(recommend_for(visitor, "world", 3, queryset=some)) == ["t3-0", "t3-2", "t3-1"]
    assert "t3-1" not in skus(recommend_for(visitor, "world", 5))


def test_pages_do_not_repeat_and_pins_count_over_all_of_them(world: World, visitor: Visitor) -> None:
    pin(world, (6, 6), 4)
    whole = skus(recommend_for(visitor, "world", 9))
    pages, after = [], ""
    for _page in range(3):
        answer = recommend_for(visitor, "world", 3, after=after)
        pages += skus(answer)
        after = answer.next
    assert pages == whole
    assert whole[3] == "t6-6"
    assert [one.recommendation.position for one in answer] == [0, 1, 2]


def test_the_last_page_has_no_next(world: World) -> None:
    answer = recommend_for(None, "world", 79)
    last = recommend_for(None, "world", 5, after=answer.next)
    assert len(last) == 1
    assert last.next == ""
    assert recommend(None, "world", 0).next == ""


def test_a_limit_comes_after_diversity_and_before_pins(world: World, visitor: Visitor) -> None:
    for row, item in enumerate(world.items):
        item.categories = {"topic": [str(row // world.depth)]}
    Item.objects.bulk_update(world.items, ["categories"])
    pin(world, (3, 9), 1)
    topics = world.topics_of(recommend_for(visitor, "world", 4, at_most={"topic": 1}, diversity=0.1))
    assert topics[:3] == [3, 3, 2]
    assert len(set(topics[1:])) == 3
