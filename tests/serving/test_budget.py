"""An answer in time: what is best where it can be had, else what is known by then."""

from __future__ import annotations

import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.db.models.expressions import RawSQL
from django.test import override_settings

from mtrec_django import arecommend, asimilar_items
from mtrec_django.retrieval import sources
from mtrec_django.retrieval.candidates import Ask, CandidateSource
from mtrec_django.retrieval.statement import Fragment
from mtrec_django.serving import budget
from mtrec_django.serving.budget import Budget
from mtrec_django.serving.recommender import recommend_for
from tests.site.models import Product
from tests.site.recommendations import Products

from .world import World

LONG = 30  # seconds


@pytest.fixture
def slow_source(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_sources", dict(sources._sources))

    @sources.register_source
    class Slow(CandidateSource):
        name = "slow"

        def select(self, ask: Ask) -> Fragment:
            return Fragment(f"select (random() * 0)::bigint as item_id from pg_sleep({LONG})")

    world.scenario.options = {"candidates": ["personal", "slow"]}
    world.scenario.save()


def test_a_slow_search_is_given_up_for_counts(world: World, slow_source: None) -> None:
    world.score(1, 1, popular=5, trending=1)
    begun = time.monotonic()
    with override_settings(MTREC={"BUDGET_MS": 300}):
        answer = recommend_for(world.visitor((3, 0)), "world", 3)
    assert time.monotonic() - begun < LONG / 2
    assert answer[0] == world.product(1, 1)
    assert len(answer) == 3
    assert answer.version is None
    assert Product.objects.exists()  # the transaction around goes on, without the limit
    with connection.cursor() as cursor:
        cursor.execute("show statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_slow_objects_are_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def available(self: Any) -> Any:
        return Product.objects.annotate(nap=RawSQL("(select 1 from pg_sleep(%s))", [LONG])).filter(nap=1)

    monkeypatch.setattr(Products, "available", available)
    begun = time.monotonic()
    with override_settings(MTREC={"BUDGET_MS": 300}), transaction.atomic():
        answer = recommend_for(world.visitor((3, 0)), "world", 3)
        assert Product.objects.exists()
    assert time.monotonic() - begun < LONG / 2
    assert answer == []
    assert answer.short


def test_the_same_answer_in_time_outside_of_any_transaction(transactional_db: None) -> None:
    world = World().build()
    visitor = world.visitor((3, 0))
    with override_settings(MTREC={"BUDGET_MS": 0}):
        expected = list(recommend_for(visitor, "world", 5))
    assert recommend_for(visitor, "world", 5) == expected
    answer = async_to_sync(arecommend)(None, "world", 5)
    assert len(answer) == 5
    assert len(async_to_sync(asimilar_items)(world.product(3, 0), 5)) == 5


def test_what_is_left_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget.time, "monotonic", lambda: 100.0)
    for spent, best, rest in [(0, 600, 1000), (0.5, 100, 500), (0.55, 100, 450), (2, 100, 100)]:
        asked = Budget(1.0, 100 - spent)
        assert (asked.for_the_best, asked.for_the_rest) == ({"statement_timeout": best}, {"statement_timeout": rest})
    assert Budget(0.0, 0.0).for_the_best == {}
