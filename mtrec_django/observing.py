"""Prometheus metrics and OpenTelemetry spans, where their libraries are installed; without them nothing is done at all.

Metrics are in the default registry of `prometheus_client`, so whatever shows that (django-prometheus, `make_wsgi_app`)
shows them too, its multi-process mode included.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, wraps
from importlib.util import find_spec
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

METERED = find_spec("prometheus_client") is not None
TRACED = find_spec("opentelemetry") is not None and find_spec("opentelemetry.trace") is not None

if METERED:
    from prometheus_client import REGISTRY, Histogram
    from prometheus_client import Counter as Count
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector

    ANSWERS = Count("mtrec_answers", "Lists that were given.", ["scenario", "fallback"])
    SHOWN = Count("mtrec_items_shown", "Items that were shown, by where they came from.", ["scenario", "source"])
    SECONDS = Histogram(
        "mtrec_answer_seconds",
        "How long a list took.",
        ["scenario"],
        buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    )
    EVENTS = Count("mtrec_events", "Events that were stored, one by one or in batches.", ["kind"])
    RUNS = Count("mtrec_runs_finished", "Trainings and transfers that ended.", ["kind", "status"])

    # Looking a series up by its labels takes longer than adding to it.
    _answers, _shown, _seconds = cache(ANSWERS.labels), cache(SHOWN.labels), cache(SECONDS.labels)

    class QueueCollector(Collector):
        """What waits for workers, looked at when somebody asks: the same in every process that shows it.

        Args:
            waiting: gives kind, queue, how many, and the age of the oldest in seconds.
            depths: gives queues and how many messages are in each, where that is known.
        """

        def __init__(
            self,
            waiting: Callable[[], Iterable[tuple[str, str, int, float]]],
            depths: Callable[[], Iterable[tuple[str, int]]],
        ) -> None:
            self.waiting, self.depths = waiting, depths

        def describe(self) -> list[GaugeMetricFamily]:
            return [
                GaugeMetricFamily("mtrec_waiting", "Runs and chunks no worker has begun.", labels=["kind", "queue"]),
                GaugeMetricFamily("mtrec_waiting_seconds", "Age of the oldest of them.", labels=["kind", "queue"]),
                GaugeMetricFamily("mtrec_queue_messages", "Messages the broker holds.", labels=["queue"]),
            ]

        def collect(self) -> list[GaugeMetricFamily]:
            count, age, depth = families = self.describe()
            for kind, queue, number, seconds in self.waiting():
                count.add_metric([kind, queue], number)
                age.add_metric([kind, queue], seconds)
            for queue, messages in self.depths():
                depth.add_metric([queue], messages)
            return families


if TRACED:
    from opentelemetry import trace

    TRACER = trace.get_tracer("mtrec_django")  # a proxy until the site sets a provider up

SIMILAR = "similar items"
"""What lists of no scenario are called."""
KINDS = 50
"""Kinds of events with a series of their own; what a client makes up must not fill the memory."""
_kinds: set[str] = set()


def span(name: str) -> AbstractContextManager[Any]:
    """A span around a block: `mtrec.recommend`, `mtrec.search` within it, `mtrec.track`, `mtrec.train`."""
    return TRACER.start_as_current_span(f"mtrec.{name}") if TRACED else nullcontext()


def observed(function: Callable[P, R]) -> Callable[P, R]:
    """Around the function that answers: how often, how long, from where. The very same function without libraries."""
    if not (METERED or TRACED):
        return function

    @wraps(function)
    def measured(*args: P.args, **kwargs: P.kwargs) -> R:
        began = time.perf_counter()
        with span("recommend"):
            answer = function(*args, **kwargs)
        if METERED:
            count_answer(answer, time.perf_counter() - began)
        return answer

    return measured


def count_answer(answer: Any, seconds: float) -> None:
    """One answer, with `scenario` and `version`."""
    scenario = answer.scenario or SIMILAR
    _answers(scenario, str(answer.version is None).lower()).inc()
    _seconds(scenario).observe(seconds)


def count_shown(answer: Any) -> None:
    """The `recommendations` of an answer that is shown, each of which has to find its reason."""
    if METERED:
        for source, items in Counter(one.source for one in answer.recommendations).items():
            _shown(answer.scenario or SIMILAR, source).inc(items)


def count_event(kind: str) -> None:
    """One event that was stored."""
    if METERED:
        known = kind in _kinds or len(_kinds) < KINDS
        if known:
            _kinds.add(kind)
        EVENTS.labels(kind if known else "other").inc()


def count_run(kind: str, status: str) -> None:
    """One run that ended."""
    if METERED:
        RUNS.labels(kind, status).inc()


@cache
def watch_queues(
    waiting: Callable[[], Iterable[tuple[str, str, int, float]]], depths: Callable[[], Iterable[tuple[str, int]]]
) -> None:
    """Show in the default registry what waits for workers; twice is as once."""
    if METERED:
        REGISTRY.register(QueueCollector(waiting, depths))
