"""Somebody gets all that is stored of him, and nothing of others."""

from __future__ import annotations

import json

import pytest

from mtrec_django import jobs
from mtrec_django.events.relations import set_relation
from mtrec_django.models import Item, Recommendation
from mtrec_django.testing import make_event, make_scenario, make_visitor
from tests.site.making import make_product

pytestmark = pytest.mark.django_db


def test_everything_he_did_and_was_shown() -> None:
    ann, bob = make_visitor(external_id="ann", features={"town": "Ghent"}), make_visitor(external_id="bob")
    product = make_product(title="Lamp")
    make_scenario("shelf")
    shown = Recommendation.objects.create(visitor=ann, items=[], sources=["popular"], scores=[1.0])
    event = make_event(product, "purchase", visitor=ann, value=2, basket="o1", scenario="shelf", recommendation=shown)
    Recommendation.objects.filter(pk=shown.pk).update(items=[event.item_id])
    make_event(product, "view", visitor=bob)
    set_relation(bob, ann, "follows")
    lamp = {"source": "testsite.product", "object_id": str(product.pk), "title": Item.objects.get().title}
    told = json.loads(json.dumps(jobs.export_visitor(ann)))
    assert told["visitor"]["features"] == {"town": "Ghent"}
    assert told["feedback"] == [
        {
            "time": event.time.isoformat(),
            "kind": "purchase",
            "value": 2.0,
            "item": lamp,
            "scenario": "shelf",
            "recommendation": str(shown.pk),
            "basket": "o1",
        }
    ]
    assert [answer["items"] for answer in told["recommendations"]] == [[lamp]]
    assert told["relations"] == [{"kind": "follows", "weight": 1.0, "direction": "from"}]
    assert "bob" not in json.dumps(told)


def test_of_nobody_there_is_nothing() -> None:
    assert jobs.export_visitor(None) == {"visitor": None, "feedback": [], "recommendations": [], "relations": []}
