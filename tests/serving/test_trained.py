"""A version that was really trained: served is what was evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from mtrec_django import jobs, similar_items
from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.inference.artifact import Artifact
from mtrec_django.inference.blend import POPULAR, TEXT, TOGETHER, Blend, combine, z_scores
from mtrec_django.inference.query import QueryEncoder
from mtrec_django.inference.texts import likeness
from mtrec_django.jobs.arrays import read_items
from mtrec_django.jobs.training import load_version
from mtrec_django.models import Feedback, Item, Run, Scenario, Visitor
from mtrec_django.queueing import enqueue
from mtrec_django.serving.recommender import recommend_for
from tests.jobs.worlds import comparing_texts, make_events, make_products
from tests.site.models import Product


@pytest.fixture
def trained(db: None, settings: Any) -> Any:
    """The learner's own view of the version that is live."""
    settings.MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 3}, "THREADS": 1}
    Scenario.objects.all().delete()
    place = Scenario.objects.create(
        name="home", sources=["testsite.product"], goal={"purchase": 1}, options={"repeats": True}
    )
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")
    run = enqueue(Run.Kind.TRAIN, here=True, transfers=False)
    jobs.train(run.pk)
    run.refresh_from_db()
    assert run.version is not None, run.error
    run.version.publish([place])
    return load_version(run.version)


def expected(
    trained: Any, visitor: Visitor, encoder: QueryEncoder | None = None, blend: Blend | None = None
) -> dict[str, float]:
    """The score of every item, by the learner's arrays and `inference` alone."""
    encoder, blend = encoder or trained.encoder("home"), blend or trained.blend("home")
    events = Feedback.objects.filter(visitor=visitor).order_by("-time", "-pk")
    at = {pk: row for row, pk in enumerate(trained.item_ids.tolist())}
    met = [at[event.item_id] for event in events]
    vectors = trained.vectors.astype(np.float16).astype(np.float32)
    ages = np.array([(timezone.now() - event.time).total_seconds() for event in events])
    kinds = encoder.kind_codes([event.kind for event in events])
    query = encoder.encode(vectors[met], kinds, ages, np.zeros(len(met), bool))
    weights = blend.history_weights([event.kind for event in events], np.zeros(len(met), bool))
    found, strength = combine(weights, trained.neighbours.others[met], trained.neighbours.weights[met])
    together = np.zeros(len(at), np.float32)
    together[found] = strength
    similar = trained.features.similarity(read_items(trained.item_ids.tolist())[0])
    read_as = blend.for_text.history_weights([event.kind for event in events], np.zeros(len(met), bool))
    alike = likeness(read_as[:, None] * similar[met], similar)
    features = {"personal": vectors @ query, TOGETHER: together, TEXT: alike, POPULAR: trained.priors[0]}
    scores = blend.score(features)
    titles = dict(Item.objects.values_list("pk", "title"))
    return {titles[pk]: float(scores[row]) for pk, row in at.items()}


def test_served_is_what_was_evaluated(trained: Any) -> None:
    for visitor in Visitor.objects.order_by("pk")[:10]:
        scores = expected(trained, visitor)
        answer = recommend_for(visitor, "home", 24)
        assert len(answer) == 24
        served = {product.title: product.recommendation.score for product in answer}
        assert served == pytest.approx(scores, abs=0.02)


def test_texts_are_compared_as_they_were_in_the_evaluation(trained: Any) -> None:
    live = Scenario.objects.get(name="home").live_version
    assert live is not None
    compared = load_version(comparing_texts(live, personal=0.5, together=0.5, text=1.0, popular=0.2))
    for visitor in Visitor.objects.order_by("pk")[:10]:
        scores = expected(compared, visitor)
        served = {one.title: one.recommendation.score for one in recommend_for(visitor, "home", 24)}
        assert served == pytest.approx(scores, abs=0.02)
        assert expected(trained, visitor) != pytest.approx(scores, abs=0.5)


def test_an_item_that_was_placed_later_is_compared_too(trained: Any) -> None:
    live = Scenario.objects.get(name="home").live_version
    assert live is not None
    compared = load_version(comparing_texts(live, text=1.0))
    late = Product.objects.create(sku="garden-99", title="garden shears and trowel", stock=1)
    sync(["testsite.product"])
    jobs.encode_items()
    assert jobs.place_new_items() == 1
    visitor, items = Visitor.objects.create(), list(Item.objects.order_by("pk"))
    met = [at for name in ("shears", "trowel") for at, item in enumerate(items) if item.title == f"garden {name}"]
    for at in met:
        Feedback.objects.create(visitor=visitor, item=items[at], kind="view")
    similar = compared.features.similarity(read_items([item.pk for item in items])[0])
    alike = likeness(np.array([[0.9], [1]], np.float32) * similar[met], similar)
    answer = recommend_for(visitor, "home", len(items))
    served = {product.title: product.recommendation.score for product in answer}
    scores = z_scores(alike).tolist()
    assert served == pytest.approx({item.title: score for item, score in zip(items, scores, strict=True)}, abs=0.03)
    assert next(one for one in answer if one == late).recommendation.because in {"garden shears", "garden trowel"}


def test_everybody_gets_his_own_half(trained: Any) -> None:
    for number, half in ((0, "kitchen"), (1, "garden")):
        visitor = Visitor.objects.get(external_id=f"visitor-{number}")
        answer = recommend_for(visitor, "home", 6)
        assert [product.category.name for product in answer] == [half] * 6
        assert answer.version is not None


def test_similar_items_are_of_one_half(trained: Any) -> None:
    product = Product.objects.get(sku="garden-3")
    answer = similar_items(product, 5)
    assert sum(other.sku.startswith("garden") for other in answer) >= 4
    assert product not in answer


def test_an_item_that_was_placed_later_is_found(trained: Any) -> None:
    late = Product.objects.create(sku="garden-99", title="garden rake and spade", stock=1)
    sync(["testsite.product"])
    jobs.encode_items()
    assert jobs.place_new_items() == 1
    answer = similar_items(Product.objects.get(sku="garden-0"), 24)
    assert late in answer
    assert len(answer) == 24


def test_a_transfer_is_served_with_the_rows_of_its_base(trained: Any) -> None:
    run = jobs.transfer(scenario="home")
    run.refresh_from_db()
    version = run.version
    assert version is not None, run.error
    version.publish()
    made = Artifact.from_bytes(bytes(version.files.get(name="artifact").data))
    encoder = QueryEncoder.from_artifacts(trained.artifact, made, scenario="home")
    visitor = Visitor.objects.get(external_id="visitor-5")
    answer = recommend_for(visitor, "home", 24)
    assert answer.version == version.pk
    served = {product.title: product.recommendation.score for product in answer}
    scores = expected(trained, visitor, encoder, Blend.from_json(made.config["blend"]))
    assert served == pytest.approx(scores, abs=0.02)
