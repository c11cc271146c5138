"""Ties between visitors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mtrec_django.events.relations import Tie, ensure_visitors, import_relations, remove_relation, set_relation
from mtrec_django.exceptions import BadFeedback
from mtrec_django.models import Relation, Visitor


@pytest.fixture
def pair(db: None) -> tuple[Visitor, Visitor]:
    return Visitor.objects.create(external_id="ann"), Visitor.objects.create(external_id="bob")


def test_a_tie_is_made_changed_and_undone(pair: tuple[Visitor, Visitor]) -> None:
    ann, bob = pair
    assert set_relation(ann, bob).weight == 1.0
    assert set_relation(ann, bob, weight=0.5).weight == 0.5
    set_relation(ann, bob, "trusts")
    assert Relation.objects.count() == 2
    assert remove_relation(ann, bob)
    assert not remove_relation(ann, bob)
    assert not remove_relation(bob, ann, "trusts")


def test_what_is_no_tie(pair: tuple[Visitor, Visitor]) -> None:
    ann, bob = pair
    with pytest.raises(BadFeedback, match="itself"):
        set_relation(ann, ann)
    with pytest.raises(BadFeedback, match="nan"):
        set_relation(ann, bob, weight=math.nan)
    with pytest.raises(BadFeedback, match="best friend"):
        set_relation(ann, bob, "best friend")


def test_an_import_makes_visitors_and_may_be_repeated(pair: tuple[Visitor, Visitor]) -> None:
    ties = [Tie("ann", "bob"), Tie("ann", "cleo", "trusts", 0.2), Tie("ann", "bob", weight=3), Tie("bob", "bob")]
    assert import_relations(ties) == 2
    assert import_relations(ties) == 2
    stored = Relation.objects.values_list("visitor__external_id", "other__external_id", "kind", "weight")
    assert set(stored) == {("ann", "bob", "friend", 3.0), ("ann", "cleo", "trusts", 0.2)}


def test_visitors_are_made_where_missing(pair: tuple[Visitor, Visitor], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        found = ensure_visitors(["ann", "cleo", "ann"])
    assert found == {"ann": pair[0].pk, "cleo": Visitor.objects.get(external_id="cleo").pk}
