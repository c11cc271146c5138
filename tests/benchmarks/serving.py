"""How fast an answer is, beside the bare vector query it cannot do without; whether lists are whole, exact and fresh.

    python -m tests.benchmarks.serving --items 200000 [--visitors 200] [--requests 200] [--tries 1000] [--publish]
        [--json FILE]

Makes a catalogue with clustered vectors in an embedded Postgres of its own. Milliseconds are wall time; calls that are
compared take turns in one loop, so that whatever else the machine does falls on all of them. `wrk` (a package of
Debian) asks the JSON endpoint under gunicorn; without it that part is left out.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from . import serving_catalogue, serving_web
from .serving_catalogue import Catalogue

SHARES = (0.9, 0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
CLIENTS = (1, 8, 32)
CANDIDATES = 300
PARTS = ("answers", "filters", "short", "news", "endpoint")


@dataclass
class Report:
    """Figures by name."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str = "") -> None:
        self.rows.append({"name": name, "value": round(float(value), 4), "unit": unit})
        print(f"{name:36} {value:12.3f} {unit}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--requests", type=int, default=200, help="of each kind")
    parser.add_argument("--filtered", type=int, default=2000, help="random filters that are checked for whole lists")
    parser.add_argument("--tries", type=int, default=0, help="of each kind of news that the next answer must know")
    parser.add_argument("--seconds", type=int, default=10, help="of each load on the endpoint")
    parser.add_argument("--publish", action="store_true", help="switch versions under load")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the shop there, or measure the one that is there"
    )
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="parts that are measured")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    report = Report()
    with serving_catalogue.database(given.keep):
        Measurement(Catalogue(given.items, given.visitors), given, report).run()
    if given.json:
        given.json.write_text(json.dumps(report.rows, indent=1))


class Measurement:
    """One catalogue and what was measured on it."""

    def __init__(self, shop: Catalogue, given: argparse.Namespace, report: Report) -> None:
        self.shop, self.given, self.report = shop, given, report
        self.rng = np.random.default_rng(1)

    def run(self) -> None:
        """Everything in order."""
        self.shop.open()
        self.prepare()
        for name, seconds in self.shop.seconds.items():
            self.report.add(name, seconds, "s")
        self.sizes()
        for part in self.given.only:
            getattr(self, part)()

    def prepare(self) -> None:
        """The queries of visitors, and a connection of plain psycopg."""
        import psycopg
        from django.db import connection

        from mtrec_django.retrieval import store
        from mtrec_django.retrieval.statement import compose
        from mtrec_django.serving import live
        from mtrec_django.serving.question import Question, ask_visitor

        self.place = live.scenario("bench")
        asked = [Question(self.place, 10, compose("{pk}::bigint", pk=one.pk)) for one in self.shop.visitors]
        self.queries = [ask_visitor(one, self.place).query(similar=False) for one in asked]
        self.literals = [store.literal(query).params[0] for query in self.queries if query is not None]
        self.table = store.vectors_table(self.shop.version.pk).text
        self.plain = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self.plain.execute(f"set hnsw.ef_search = {CANDIDATES}")
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze mtrec_item")

    def bare(self, at: int) -> list[int]:
        """What nobody can do without: the nearest items by plain psycopg and pgvector."""
        rows = self.plain.execute(
            f"select item_id from {self.table} order by vector <#> %s::halfvec limit {CANDIDATES}",
            [self.literals[at % len(self.literals)]],
        )
        return [row[0] for row in rows]

    def visitor(self, at: int) -> Any:
        return self.shop.visitors[at % len(self.shop.visitors)]

    def sizes(self) -> None:
        """Bytes on disk."""
        row = self.plain.execute(
            f"select pg_relation_size('{self.table}_hnsw'), pg_relation_size(to_regclass('{self.table}_lists')),"
            f" pg_total_relation_size('{self.table}')"
        ).fetchone()
        assert row is not None
        self.report.add("index_mb", row[0] / 2**20, "MB")
        self.report.add("lists_mb", (row[1] or 0) / 2**20, "MB")
        self.report.add("vectors_mb", row[2] / 2**20, "MB")

    def answers(self) -> None:
        """Whole answers in this process, the site's objects included, beside the bare query."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from mtrec_django.serving.recommender import recommend_for, similar_items
        from tests.site.models import Product

        products = list(Product.objects.filter(stock=1)[:200])
        self.timed(
            {
                "bare_query": self.bare,
                "recommend": lambda at: recommend_for(self.visitor(at), "bench", 10),
                "recommend_guest": lambda at: recommend_for(None, "bench", 10),
                "similar": lambda at: similar_items(products[at % 200], 10),
            }
        )
        with CaptureQueriesContext(connection) as asked:
            recommend_for(self.visitor(0), "bench", 10)
        self.report.add("queries", len(asked))
        found = [self.bare(at)[:100] for at in range(len(self.queries))]
        self.report.add("recall_at_100", np.mean([self.recall(at, items, 1.0) for at, items in enumerate(found)]))

    def filters(self) -> None:
        """The vector query under each filter, as an answer sends it, and whole answers; against the bare query."""
        from mtrec_django.serving.recommender import recommend_for
        from tests.site.models import Product

        calls: dict[str, Callable[[int], Any]] = {"bare_beside_filters": self.bare, "available": self.searched(None)}
        for share in SHARES:
            some = Product.objects.filter(price__lt=1000 * share)
            calls[f"filter_{share:.1%}"] = self.searched(some)
            calls[f"recommend_{share:.1%}"] = lambda at, some=some: recommend_for(
                self.visitor(at), "bench", 10, queryset=some
            )
        found = self.timed(calls, requests=max(20, self.given.requests // 4))
        for name, share in [("available", 1.0), *((f"filter_{share:.1%}", share) for share in SHARES)]:
            self.report.add(f"{name}_ratio", found[name] / found["bare_beside_filters"], "x the bare query")
            recalls = [self.recall(at, self.nearest(calls[name](at), at), share, available=True) for at in range(40)]
            self.report.add(f"{name}_recall_at_100", np.mean(recalls))

    def searched(self, queryset: Any) -> Callable[[int], Any]:
        """The candidates by vector alone, with all that decides how they are sought."""
        from mtrec_django.retrieval import store
        from mtrec_django.retrieval.candidates import Ask
        from mtrec_django.retrieval.search import Search
        from mtrec_django.retrieval.statement import read
        from mtrec_django.serving.question import Question, ask_visitor

        def ask(at: int) -> Any:
            question = Question(self.place, 10, queryset=queryset)
            told, base = ask_visitor(question, self.place), self.place.base
            assert base is not None
            asked = Ask(
                self.shop.scenario.pk,
                told.allowed(question, [question.keys] if question.keys else [], flagged=True),
                10,
                version_id=base.id,
                query=self.queries[at % len(self.queries)],
                counts=self.place.counts,
                narrow=told.narrow,
                share=told.share * base.available,
                items=base.items,
                lists=base.lists,
            )
            search = Search(asked, ("personal",))
            (rows,) = read(
                [search.statement],
                using="default",
                settings=store.search_settings(asked.met, asked.probes),
                again=queryset is None,
            )
            return search.read(rows)

        return ask

    def nearest(self, found: Any, at: int) -> list[int]:
        """The hundred nearest of some candidates."""
        return found.items[np.argsort(-found.features["personal"])[:100]].tolist()

    def recall(self, at: int, found: list[int], share: float, *, available: bool = False) -> float:
        """Of the hundred nearest that are allowed, by all distances."""
        numbers = np.arange(1, self.shop.count + 1)
        allowed = numbers * 7919 % 100_000 / 100 < 1000 * share
        allowed &= (numbers % 10 > 0) if available else True
        rows = np.flatnonzero(allowed)
        exact = self.shop.ids[rows[np.argsort(-(self.shop.vectors[rows] @ self.queries[at % len(self.queries)]))[:100]]]
        return len(set(found) & set(exact.tolist())) / len(exact)

    def short(self) -> None:
        """How many of many random filters gave fewer rows than they should."""
        from mtrec_django.serving.recommender import recommend_for
        from tests.site.models import Product

        count = 0
        for at in range(self.given.filtered):
            low, width = self.rng.uniform(0, 900), 10 ** self.rng.uniform(-1, 3)
            some = Product.objects.filter(price__gte=low, price__lt=low + width)
            answer = recommend_for(self.visitor(at), "bench", 10, queryset=some)
            if len(answer) < 10:
                bought = self.visitor(at).feedback.filter(kind="purchase").values_list("item__object_id", flat=True)
                count += len(answer) < min(10, some.filter(stock__gt=0).exclude(pk__in=map(int, bought)).count())
        self.report.add("short_answers", count, f"of {self.given.filtered}")

    def news(self) -> None:
        """A click, a save and a sold-out, each of which the very next answer must know."""
        from django.test import RequestFactory

        from mtrec_django import recommend, track

        seen = dict.fromkeys(("click", "save", "sold_out"), 0)
        for at in range(self.given.tries):
            request = RequestFactory().get("/")
            request.user = self.visitor(at).user
            first, second, third = recommend(request, "bench", 3)
            track(request, "purchase", first)
            seen["click"] += first not in recommend(request, "bench", 3)
            second.title = f"Saved {at}"
            second.save()
            after = recommend(request, "bench", 3, queryset=type(second).objects.filter(pk=second.pk))
            seen["save"] += [one.title for one in after] == [f"Saved {at}"]
            third.stock = 0
            third.save()
            seen["sold_out"] += third not in recommend(request, "bench", 10)
            third.stock = 1
            third.save()
        for name, count in seen.items():
            self.report.add(f"{name}_seen", count, f"of {self.given.tries}")

    def endpoint(self) -> None:
        """The JSON answer to signed-in visitors, what a web process holds, and a switch of versions."""
        if not shutil.which("wrk"):
            return
        with serving_web.gunicorn() as server:
            began = serving_web.load(server, self.shop.cookies, 8, 3)  # until both workers have answered
            self.report.add("endpoint_cold_slow", began["slow"], "answers after 2 s")
            self.report.add("endpoint_cold_failed", began["failed"])
            for clients in CLIENTS:
                told = serving_web.load(server, self.shop.cookies, clients, self.given.seconds)
                name = "endpoint" if clients == 1 else f"endpoint_{clients}_clients"
                for percentile in ("p50", "p95"):
                    self.report.add(f"{name}_ms_{percentile}", told[percentile], "ms")
                self.report.add(f"{name}_per_second", told["requests"] / told["seconds"], "answers/s")
                self.report.add(f"{name}_slow", told["slow"], "answers after 2 s")
                self.report.add(f"{name}_failed", told["failed"])
            bare = [self.clock(self.bare, at) for at in range(self.given.requests)]
            self.report.add("bare_query_after_ms_p50", statistics.median(bare), "ms")
            self.report.add("rss_mb", server.resident_mb(), "MB")
            self.report.add("torch_imported", server.imported("torch"))
            if self.given.publish:
                self.switch(server)

    def switch(self, server: serving_web.Server) -> None:
        """Build and publish a version of all items while eight clients ask, and roll it back."""
        from mtrec_django.models import roll_back
        from mtrec_django.serving import live

        cookies = self.shop.cookies[:40]
        lists = {self.shop.version.pk: self.lists(cookies)}
        with serving_web.Watch(server, cookies) as watch:
            marks = [time.perf_counter()]
            time.sleep(self.given.seconds)
            marks.append(time.perf_counter())
            version = self.shop.build(np.roll(self.shop.vectors, self.shop.count // 2, axis=0))
            marks.append(time.perf_counter())
            version.publish([self.shop.scenario])
            time.sleep(5)
            marks.append(time.perf_counter())
            roll_back(self.shop.scenario)
            rolled = time.perf_counter() - marks[-1]
            time.sleep(5)
            marks.append(time.perf_counter())
        names = ("before", "building", "switch", "rolled_back")
        for name, begin, end in zip(names, marks[:-1], marks[1:], strict=True):
            spent = watch.milliseconds(begin, end)
            self.report.add(f"publish_{name}_ms_p95", float(np.percentile(spent, 95)), "ms")
        version.publish([self.shop.scenario])
        live.expire()
        lists[version.pk] = self.lists(cookies)
        other = {version.pk: self.shop.version.pk, self.shop.version.pk: version.pk}
        unlike = [one for one in watch.answers if lists[one[3]][one[2]] != one[4]]
        strange = [set(one[4]) - set(lists[one[3]][one[2]]) for one in unlike]
        mixed = [new & set(lists[other[one[3]]][one[2]]) for one, new in zip(unlike, strange, strict=True)]
        last = max((mark for mark, _ms, _cookie, told, _items in watch.answers if told == version.pk), default=marks[3])
        self.report.add("publish_answers", len(watch.answers))
        self.report.add("publish_failed", watch.failed)
        self.report.add("publish_mixed", sum(map(bool, mixed)))  # an item of the other version's list
        self.report.add("publish_unlike", len(unlike))  # another order, or an item of neither: ages pass bounds
        self.report.add("publish_unlike_items", max(map(len, strange), default=0))
        self.report.add("publish_roll_back_s", rolled, "s")
        self.report.add("publish_roll_back_seen_s", max(0.0, last - marks[3]), "s")

    def lists(self, cookies: list[str]) -> dict[str, tuple[str, ...]]:
        """What each of some visitors is shown by what is live."""
        from mtrec_django.serving.recommender import recommend_for

        shown = [recommend_for(self.visitor(at), "bench", 10) for at in range(len(cookies))]
        return {cookie: tuple(str(one.pk) for one in some) for cookie, some in zip(cookies, shown, strict=True)}

    def timed(self, calls: Mapping[str, Callable[[int], object]], requests: int = 0) -> dict[str, float]:
        """Median and 95th percentile of each call, taking turns; returns the medians."""
        for ask in calls.values():
            for at in range(5):
                ask(at)
        gc.collect()
        spent: dict[str, list[float]] = {name: [] for name in calls}
        for at in range(requests or self.given.requests):
            for name, ask in calls.items():
                spent[name].append(self.clock(ask, at))
        for name, milliseconds in spent.items():
            self.report.add(f"{name}_ms_p50", statistics.median(milliseconds), "ms")
            self.report.add(f"{name}_ms_p95", float(np.percentile(milliseconds, 95)), "ms")
        return {name: statistics.median(milliseconds) for name, milliseconds in spent.items()}

    def clock(self, ask: Callable[[int], object], at: int) -> float:
        """Milliseconds of one call."""
        mark = time.perf_counter()
        ask(at)
        return 1000 * (time.perf_counter() - mark)


if __name__ == "__main__":
    main()
