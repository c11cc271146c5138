"""What is counted and traced where somebody wants it, and that nothing is where nobody does."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from prometheus_client import REGISTRY

from mtrec_django import observing, queueing, recommend
from mtrec_django.events.batches import track_all
from mtrec_django.events.tracking import CheckedEvent
from mtrec_django.jobs.running import working
from mtrec_django.management import doctor
from mtrec_django.models import Batch, BatchChunk, Run
from mtrec_django.queueing import send_light
from mtrec_django.serving import live
from mtrec_django.serving.recommendations import log_shown
from mtrec_django.serving.recommender import recommend_for
from mtrec_django.testing import make_event, make_item, make_scenario, make_visitor
from tests.serving.world import World
from tests.site.making import make_product

pytestmark = pytest.mark.django_db


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def event(kind: str, product: Any, key: str | None = None) -> CheckedEvent:
    return CheckedEvent.of(kind, product, None, None, None, key, None, None)


def test_answers_are_counted_by_scenario_source_and_fallback() -> None:
    make_scenario("metered")
    make_item(make_product())
    answer = recommend(None, "metered", 1)
    assert value("mtrec_answers_total", scenario="metered", fallback="true") == 1
    assert value("mtrec_answer_seconds_count", scenario="metered") == 1
    assert items_shown("metered") == 0
    log_shown(answer)
    assert items_shown("metered") == 1


def items_shown(scenario: str) -> float:
    shown = [s for metric in REGISTRY.collect() for s in metric.samples if s.name == "mtrec_items_shown_total"]
    return sum(s.value for s in shown if s.labels["scenario"] == scenario)


def test_events_are_counted_by_kind_and_made_up_kinds_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "_kinds", set())
    monkeypatch.setattr(observing, "KINDS", 1)
    product, before = make_product(), value("mtrec_events_total", kind="other")
    make_event(product, kind="metered")
    make_event(product, kind="made-up")
    assert value("mtrec_events_total", kind="metered") == 1
    assert value("mtrec_events_total", kind="other") == before + 1


def test_events_of_a_batch_are_counted_once_each() -> None:
    product, visitor, before = make_product(), make_visitor(), value("mtrec_events_total", kind="batched")
    events = [(visitor, event("batched", product, key)) for key in ("a", "b", "b")]
    assert [outcome.value for outcome in track_all(events)] == ["stored", "stored", "repeated"]
    assert value("mtrec_events_total", kind="batched") == before + 2


def test_runs_are_counted_by_how_they_ended() -> None:
    before = value("mtrec_runs_finished_total", kind="sync", status="failed")
    with pytest.raises(MemoryError), working(Run.objects.create(kind="sync")):
        raise MemoryError
    assert value("mtrec_runs_finished_total", kind="sync", status="failed") == before + 1


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the spans that begin."""
    begun: list[str] = []

    class Tracer:
        def start_as_current_span(self, name: str) -> Any:
            begun.append(name)
            return nullcontext()

    monkeypatch.setattr(observing, "TRACER", Tracer())
    return begun


def test_spans_are_named_after_what_is_done(begun: list[str]) -> None:
    make_scenario("traced")
    make_event(make_product())
    recommend(None, "traced", 1)
    with working(Run.objects.create(kind="train")):
        pass
    assert begun == ["mtrec.track", "mtrec.recommend", "mtrec.train"]


def test_a_batch_and_the_vector_query_have_spans(begun: list[str]) -> None:
    live.reset()
    world = World().build()
    visitor = world.visitor((3, 0))
    track_all([(visitor, event("view", world.product(3, 1)))])
    assert len(recommend_for(visitor, "world", 3)) == 3
    assert begun == ["mtrec.track", "mtrec.recommend", "mtrec.search"]
    live.reset()


def test_without_the_libraries_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "METERED", False)
    monkeypatch.setattr(observing, "TRACED", False)
    assert observing.observed(recommend) is recommend
    assert isinstance(observing.span("track"), nullcontext)
    observing.count_event("view")
    observing.count_run("train", "failed")


def test_what_waits_is_told_with_its_age() -> None:
    batch = Batch.objects.create(scenario=make_scenario("waiting"), created_at=timezone.now() - timedelta(hours=2))
    BatchChunk.objects.create(batch=batch, first=1, last=2)
    for minutes in (1, 60):
        Run.objects.create(kind=Run.Kind.TRAIN, created_at=timezone.now() - timedelta(minutes=minutes))
    train, chunks = {"kind": "train", "queue": "mtrec"}, {"kind": "batch", "queue": "mtrec"}
    assert value("mtrec_waiting", **train) == 2
    assert 3600 <= value("mtrec_waiting_seconds", **train) < 3700
    assert (value("mtrec_waiting", **chunks), round(value("mtrec_waiting_seconds", **chunks) / 3600)) == (1, 2)
    before = value("mtrec_queue_messages", queue="mtrec")
    send_light("mtrec.scores")
    assert value("mtrec_queue_messages", queue="mtrec") == before + 1
    call_command("mtrec_status", "--json", stdout=(out := StringIO()))
    told = json.loads(out.getvalue())
    assert [(one["kind"], one["count"]) for one in told["waiting"]] == [("train", 2), ("batch", 1)]
    assert told["messages"] == {"mtrec": before + 1}
    levels = [finding.level for finding in doctor.examine() if finding.name == "waiting"]
    assert levels == ["warning", "warning", "ok"]


def test_a_database_that_is_away_breaks_no_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> list[queueing.Waiting]:
        raise OperationalError("gone")

    monkeypatch.setattr(queueing, "waiting", away)
    assert REGISTRY.get_sample_value("mtrec_waiting", {"kind": "train", "queue": "mtrec"}) is None
