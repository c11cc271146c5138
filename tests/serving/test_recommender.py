"""The right answers of a world that is known."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from mtrec_django import recommend, similar_items, track
from mtrec_django.exceptions import NotRegistered
from mtrec_django.inference.blend import Blend
from mtrec_django.models import Feedback, Item, Recommendation, Scenario, Visitor
from mtrec_django.retrieval import store
from mtrec_django.serving.recommendations import log_shown
from mtrec_django.serving.recommender import recommend_for
from tests.site.models import Article, Product

from .world import World


@pytest.fixture
def guest() -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    request.session = {}  # type: ignore[assignment]
    return request


def signed_in(user: User) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    request.session = {}  # type: ignore[assignment]
    return request


def test_recommends_the_topic_that_was_met_last(world: World) -> None:
    answer = recommend_for(world.visitor((3, 0), (3, 1)), "world", 5)
    assert world.topics_of(answer) == [3] * 5
    assert [one.recommendation.position for one in answer] == [0, 1, 2, 3, 4]
    assert not answer.short


def test_items_nearest_first(world: World) -> None:
    answer = recommend_for(world.visitor((3, 0)), "world", 4)
    assert answer == [world.product(3, rank) for rank in range(4)]
    scores = [one.recommendation.score for one in answer]
    assert scores == sorted(scores, reverse=True)


def test_everything_about_a_recommendation(world: World) -> None:
    answer = recommend_for(world.visitor((3, 0)), "world", 2)
    for position, product in enumerate(answer):
        told = product.recommendation
        assert told.id == answer.id
        assert told.item == world.items[world.products.index(product)].pk
        assert (told.position, told.scenario, told.version) == (position, "world", world.version.pk)
        why = [("again", "You looked at this before"), ("personal", "Because you viewed Product 3.0")]
        assert (told.source, str(told.reason)) == why[position]
    assert (answer.scenario, answer.title, answer.version) == ("world", "For you", world.version.pk)


def test_a_click_changes_the_next_answer(world: World, guest: HttpRequest) -> None:
    track(guest, "view", world.product(1, 0))
    assert set(world.topics_of(recommend(guest, "world", 5))) == {1}
    track(guest, "view", world.product(6, 0))
    assert set(world.topics_of(recommend(guest, "world", 5))) == {6}


def test_older_events_count_too(world: World) -> None:
    answer = recommend_for(world.visitor((1, 0), (5, 0)), "world", 20)
    assert world.topics_of(answer) == [5] * 10 + [1] * 10


def test_what_was_only_shown_is_in_no_history(world: World) -> None:
    visitor = world.visitor((3, 0))
    Feedback.objects.bulk_create(
        [Feedback(visitor=visitor, item=world.item(6, 0), kind="impression") for _ in range(60)]
    )
    assert set(world.topics_of(recommend_for(visitor, "world", 10))) == {3}


@pytest.mark.parametrize("who", ["user", "guest"])
def test_at_most_four_queries(world: World, guest: HttpRequest, who: str) -> None:
    request = signed_in(User.objects.create(username="ada")) if who == "user" else guest
    world.scenario.exclude = ["purchase"]
    world.scenario.save()
    for rank in range(3):
        track(request, "view", world.product(2, rank))
    recommend(request, "world", 5)
    track(request, "view", world.product(4, 0))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = recommend(request, "world", 5, item=world.product(4, 1))
    assert set(world.topics_of(answer)) == {4}
    assert len(queries) == 3


def test_a_queryset_takes_no_query_more(world: World) -> None:
    visitor = world.visitor((2, 0))
    recommend_for(visitor, "world", 5)
    with CaptureQueriesContext(connection) as queries:
        answer = recommend_for(visitor, "world", 5, queryset=Product.objects.filter(sku__startswith="t2"))
    assert len(answer) == 5
    assert len(queries) == 3


def test_a_short_list_takes_one_query_more(world: World) -> None:
    visitor = world.visitor((2, 0))
    some = Product.objects.filter(sku__in=["t2-1", "t2-2", "t3-3"])
    recommend_for(visitor, "world", 5, queryset=some)
    Item.objects.create(source="testsite.product", object_id=str(Product.objects.create(sku="t2-11").pk))
    some = Product.objects.filter(sku__in=["t2-1", "t2-2", "t3-3", "t2-11"])
    with CaptureQueriesContext(connection) as queries:
        answer = recommend_for(visitor, "world", 5, queryset=some)
    assert [product.sku for product in answer] == ["t2-1", "t2-2", "t3-3", "t2-11"]
    assert answer.short
    assert len(queries) == 4


def test_what_was_bought_is_not_shown_again_where_the_scenario_says_so(world: World) -> None:
    visitor = world.visitor((3, 0), (3, 1), kind="purchase")
    assert world.product(3, 0) in recommend_for(visitor, "world", 5)
    Scenario.objects.filter(pk=world.scenario.pk).update(exclude=["purchase"])
    world.scenario.refresh_from_db()
    world.scenario.save()  # heard of at once
    answer = recommend_for(visitor, "world", 8)
    assert world.topics_of(answer) == [3] * 8
    assert not {world.product(3, 0), world.product(3, 1)} & set(answer)


def test_bought_long_before_the_last_fifty_events_is_still_out(world: World) -> None:
    world.scenario.exclude = ["purchase"]
    world.scenario.save()
    visitor = world.visitor((3, 5), kind="purchase")
    other = [Feedback(visitor=visitor, item=world.item(3, 0), kind="view") for _ in range(60)]
    Feedback.objects.bulk_create(other)
    assert world.product(3, 5) not in recommend_for(visitor, "world", 10)


def test_excluded_objects_are_out(world: World) -> None:
    out = [world.product(3, 0), world.product(3, 2)]
    answer = recommend_for(world.visitor((3, 1)), "world", 8, exclude=out)
    assert len(answer) == 8
    assert not set(out) & set(answer)


@pytest.mark.parametrize("kept", [80, 40, 8, 1])
def test_n_of_n_under_any_filter(world: World, kept: int) -> None:
    allowed = [product.pk for product in world.products[:: 80 // kept]]
    answer = recommend_for(world.visitor((7, 9)), "world", 8, queryset=Product.objects.filter(pk__in=allowed))
    assert len(answer) == min(8, len(allowed))
    assert {product.pk for product in answer} <= set(allowed)
    assert answer.short is (len(allowed) < 8)


def test_a_filter_keeps_the_order(world: World) -> None:
    even = Product.objects.filter(sku__regex=r"-[02468]$")
    answer = recommend_for(world.visitor((3, 0)), "world", 3, queryset=even)
    assert answer == [world.product(3, 0), world.product(3, 2), world.product(3, 4)]


@pytest.mark.parametrize(
    "queryset",
    [
        lambda: Product.objects.filter(sku__startswith="t3").order_by("-pk")[:4],
        lambda: Product.objects.filter(sku="t3-1").union(Product.objects.filter(sku="t3-2")),
        lambda: Product.objects.filter(sku__startswith="t3-").distinct(),
        lambda: Product.objects.filter(sku__startswith="t3-").distinct("title").order_by("title"),
    ],
    ids=["sliced", "union", "distinct", "distinct-on"],
)
def test_any_queryset_may_filter(world: World, queryset: Any) -> None:
    allowed = set(queryset())
    answer = recommend_for(world.visitor((3, 0)), "world", 20, queryset=queryset())
    assert set(answer) == allowed
    assert answer.short


def test_an_empty_queryset_gives_an_empty_answer(world: World) -> None:
    assert recommend_for(world.visitor((3, 0)), "world", 5, queryset=Product.objects.none()) == []


def test_objects_come_as_the_queryset_makes_them(world: World) -> None:
    answer = recommend_for(world.visitor((3, 0)), "world", 2, queryset=Product.objects.only("sku"))
    assert all("title" in product.get_deferred_fields() for product in answer)


def test_a_queryset_of_a_model_that_the_scenario_does_not_show(world: World) -> None:
    with pytest.raises(ValueError, match=r"shows \['testsite.product'\], not testsite.article"):
        recommend_for(None, "world", 2, queryset=Article.objects.all())


def test_sold_out_means_gone_even_before_the_next_sync(world: World) -> None:
    Product.objects.filter(pk=world.product(3, 0).pk).update(stock=0)  # no signal
    answer = recommend_for(world.visitor((3, 1)), "world", 5)
    assert world.product(3, 0) not in answer
    assert len(answer) == 5


def test_n_of_n_when_nearly_everything_was_sold_out_unheard(world: World) -> None:
    left = [product.pk for product in world.products[-5:]]
    Product.objects.exclude(pk__in=left).update(stock=0)
    answer = recommend_for(world.visitor((3, 1)), "world", 5)
    assert {product.pk for product in answer} == set(left)


def test_back_in_stock_unheard_fills_a_short_list(world: World) -> None:
    Item.objects.update(available=False)
    with connection.cursor() as cursor:
        cursor.execute("update mtrec_itemvector set available = false")
    answer = recommend_for(world.visitor((3, 1)), "world", 5)
    assert len(answer) == 5


def test_an_item_without_a_vector_is_shown_when_nothing_else_is_left(world: World) -> None:
    late = Product.objects.create(sku="late", title="Late")
    Item.objects.create(source="testsite.product", object_id=str(late.pk), title="Late")
    answer = recommend_for(world.visitor((3, 1)), "world", 81)
    assert len(answer) == 81
    assert answer[-1] == late
    assert answer[-1].recommendation.source == "new"
    assert answer[-1].recommendation.score < answer[-2].recommendation.score


def test_nobody_known_gets_what_is_popular(world: World, guest: HttpRequest) -> None:
    world.publish()
    world.blend = Blend({"personal": 0.1, "popular": 1.0})
    world.publish()
    world.score(5, 5, popular=100)
    world.score(4, 4, popular=50)
    answer = recommend(guest, "world", 2)
    assert answer == [world.product(5, 5), world.product(4, 4)]
    assert {one.recommendation.source for one in answer} == {"popular"}
    assert answer.visitor is None
    assert not Visitor.objects.exists()


def test_together_with_what_was_met(world: World) -> None:
    world.blend = Blend({"together": 1.0}, decay=0.5)
    world.publish(neighbours={world.row(3, 0): [world.row(6, 6), world.row(5, 5)], world.row(2, 0): [world.row(1, 1)]})
    answer = recommend_for(world.visitor((2, 0), (3, 0)), "world", 3)
    # 1 for the newest's first, then 0.5 twice: its second, and the older one's first; equals in the order of items
    assert answer == [world.product(6, 6), world.product(1, 1), world.product(5, 5)]
    assert [str(one.recommendation.reason) for one in answer] == [
        "Often chosen with Product 3.0",
        "Often chosen with Product 2.0",
        "Often chosen with Product 3.0",
    ]


def test_the_item_on_the_page_counts_as_viewed_and_is_not_shown(world: World, guest: HttpRequest) -> None:
    answer = recommend(guest, "world", 5, item=world.product(2, 0))
    assert set(world.topics_of(answer)) == {2}
    assert world.product(2, 0) not in answer
    assert {str(one.recommendation.reason) for one in answer} == {"Similar to Product 2.0"}
    assert answer.context == world.item(2, 0).pk
    assert not Feedback.objects.exists()


def test_the_item_on_the_page_is_not_counted_twice(world: World, guest: HttpRequest) -> None:
    track(guest, "view", world.product(1, 0))
    track(guest, "view", world.product(2, 0))
    with_item = recommend(guest, "world", 20, item=world.product(2, 0))
    without = recommend(guest, "world", 21)
    assert with_item == [product for product in without if product != world.product(2, 0)]


def test_similar_items(world: World) -> None:
    answer = similar_items(world.product(2, 0), 3)
    assert answer == [world.product(2, 1), world.product(2, 2), world.product(2, 3)]
    assert {str(one.recommendation.reason) for one in answer} == {"Similar to Product 2.0"}


def test_similar_items_of_a_queryset(world: World) -> None:
    answer = similar_items(
        world.product(2, 0), 3, scenario="world", queryset=Product.objects.filter(sku__startswith="t5")
    )
    assert world.topics_of(answer) == [5, 5, 5]


def test_similar_to_an_item_without_a_vector(world: World) -> None:
    late = Product.objects.create(sku="late", title="Late")
    answer = similar_items(late, 3)
    assert len(answer) == 3
    assert late not in answer


def test_at_most_so_many_of_a_category(world: World) -> None:
    for row, item in enumerate(world.items):
        item.categories = {"topic": [str(row // world.depth)]}
    Item.objects.bulk_update(world.items, ["categories"])
    world.scenario.options = {"at_most": {"topic": 2}}
    world.scenario.save()
    topics = world.topics_of(recommend_for(world.visitor((3, 0)), "world", 6))
    assert topics[:2] == [3, 3]
    assert max(topics.count(topic) for topic in topics) == 2
    assert len(recommend_for(world.visitor((3, 0)), "world", 20)) == 20


def test_several_models_in_one_scenario(world: World) -> None:
    article = Article.objects.create(headline="All about three")
    item = Item.objects.create(source="testsite.article", object_id=str(article.pk), title=article.headline)
    store.upsert(world.version.pk, [item.pk], world.vectors[[world.row(3, 0)]])
    world.scenario.sources = ["testsite.product", "testsite.article"]
    world.scenario.save()
    answer = recommend_for(world.visitor((3, 0)), "world", 4)
    assert article in answer
    assert recommend_for(world.visitor((3, 0)), "world", 4, queryset=Article.objects.all()) == [article]
    assert similar_items(article, 4, scenario="world", queryset=Product.objects.all())[0] == world.product(3, 0)


def test_a_uuid_key_filters_exactly(world: World) -> None:
    articles = [Article.objects.create(headline=f"{number}") for number in range(30)]
    items = [Item(source="testsite.article", object_id=str(a.pk), title=a.headline) for a in articles]
    items = Item.objects.bulk_create(items)
    store.upsert(world.version.pk, [item.pk for item in items], world.vectors[:30])
    world.scenario.sources = []
    world.scenario.save()
    world.publish()
    store.upsert(world.version.pk, [item.pk for item in items], world.vectors[:30])
    for queryset in (Article.objects.filter(headline__in=["1", "2", "3"]), Article.objects.exclude(headline="4")):
        answer = recommend_for(world.visitor((0, 0)), "world", 50, queryset=queryset)
        assert set(answer) == set(queryset)


def test_a_switched_off_scenario_shows_nothing(world: World) -> None:
    world.scenario.enabled = False
    world.scenario.save()
    assert recommend_for(world.visitor((3, 0)), "world", 5) == []


def test_an_unknown_scenario_is_an_error(world: World) -> None:
    with pytest.raises(NotRegistered, match="no scenario 'wrold'"):
        recommend_for(None, "wrold", 5)


@pytest.mark.parametrize("n", [0, -1])
def test_none_asked_none_given(world: World, n: int) -> None:
    assert recommend_for(None, "world", n) == []


def test_more_than_the_usual_candidates(db: None) -> None:
    world = World(topics=32, depth=13).build()
    assert len(recommend_for(world.visitor((3, 0)), "world", 400)) == 400


def test_consent_first(world: World, guest: HttpRequest, settings: Any) -> None:
    track(guest, "view", world.product(1, 0))
    settings.MTREC = {"CONSENT": "tests.serving.test_recommender.refuses"}
    answer = recommend(guest, "world", 5)
    assert set(world.topics_of(answer)) != {1}
    assert (answer.visitor, answer.consent) == (None, False)
    log_shown(answer)
    assert not Recommendation.objects.exists()
    answer = recommend(guest, "world", 5, item=world.product(6, 0))
    assert set(world.topics_of(answer)) == {6}


def refuses(request: HttpRequest) -> bool:
    return False


@pytest.mark.django_db(transaction=True)
def test_no_page_waits_until_what_was_shown_is_on_the_disk(world: World) -> None:
    answer = recommend_for(world.visitor((1, 0)), "world", 3)
    with CaptureQueriesContext(connection) as alone:
        log_shown(answer)
    with transaction.atomic(), CaptureQueriesContext(connection) as inside:  # where the caller's own writes must last
        log_shown(recommend_for(world.visitor((1, 0)), "world", 3))
    with connection.cursor() as cursor:
        cursor.execute("show synchronous_commit")
        assert cursor.fetchone() == ("on",)
    off = "set_config('synchronous_commit', 'off', true)"
    assert [off in queries[-1]["sql"] for queries in (alone, inside)] == [True, False]
    assert Recommendation.objects.count() == 2


def test_what_was_shown_is_stored(world: World, guest: HttpRequest) -> None:
    track(guest, "view", world.product(1, 0))
    answer = recommend(guest, "world", 3, item=world.product(1, 0))
    log_shown(answer)
    shown = Recommendation.objects.get()
    assert shown.pk == answer.id
    assert shown.visitor == Visitor.objects.get()
    assert (shown.scenario, shown.version, shown.context) == (world.scenario, world.version, world.item(1, 0))
    assert shown.items == [world.item(1, rank).pk for rank in (1, 2, 3)]
    assert shown.sources == ["similar"] * 3
    assert len(shown.scores) == 3
    assert shown.arm == ""


def test_what_was_shown_is_not_stored_where_the_site_does_not_want_it(world: World, settings: Any) -> None:
    settings.MTREC = {"LOG_SHOWN": False}
    log_shown(recommend_for(world.visitor((1, 0)), "world", 3))
    assert not Recommendation.objects.exists()


def test_a_visitor_who_is_gone_breaks_nothing(world: World) -> None:
    visitor = world.visitor((1, 0))
    answer = recommend_for(visitor, "world", 3)
    Visitor.objects.all().delete()
    log_shown(answer)
    assert Recommendation.objects.get().visitor is None
    assert len(recommend_for(Visitor(pk=visitor.pk or 1, key=uuid.uuid4()), "world", 3)) == 3


def test_settings_of_the_search_do_not_leak(world: World) -> None:
    def setting() -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                "select current_setting('hnsw.ef_search', true), current_setting('hnsw.iterative_scan', true)"
            )
            return str(cursor.fetchone())

    recommend_for(None, "world", 3)
    before = setting()
    with transaction.atomic():
        recommend_for(world.visitor((1, 0)), "world", 3)
        assert setting() == before


def test_what_serving_computes_is_what_an_evaluation_computes(world: World) -> None:
    """The features of the candidates, by `inference.blend` alone."""
    from mtrec_django.inference.blend import combine
    from mtrec_django.inference.query import QueryEncoder

    from .world import artifact

    world.blend = Blend({"personal": 1.0, "together": 0.7, "popular": 0.4}, decay=0.8)
    neighbours = {
        world.row(2, 0): [world.row(6, 6), world.row(5, 5)],
        world.row(3, 0): [world.row(6, 6), world.row(3, 3)],
    }
    world.publish(neighbours=neighbours)
    counts = np.zeros(len(world.items), np.float32)
    for topic in range(8):
        counts[world.row(topic, topic)] = topic + 1
        world.score(topic, topic, popular=topic + 1)
    met = [world.row(3, 0), world.row(2, 0)]  # most recent first
    encoder = QueryEncoder.from_artifacts(artifact())
    half = world.vectors.astype(np.float16).astype(np.float32)
    query = encoder.encode(half[met], np.zeros(2, np.int64), np.array([60.0, 120.0]), np.zeros(2, bool))
    others = np.array([neighbours[row] for row in met], np.int32)
    found, strength = combine(world.blend.history_weights(["view"] * 2), others, np.array([[1, 0.5]] * 2, np.float32))
    together = np.zeros(len(world.items), np.float32)
    together[found] = strength
    score = world.blend.score(
        {"personal": half @ query, "together": together, "popular": np.log((counts + 1) / (counts.sum() + 80))}
    )
    answer = recommend_for(world.visitor((2, 0), (3, 0)), "world", 80)
    expected = [world.products[row] for row in np.argsort(-score, kind="stable")]
    assert answer == expected
    assert [one.recommendation.score for one in answer] == pytest.approx(np.sort(score)[::-1], abs=5e-3)
