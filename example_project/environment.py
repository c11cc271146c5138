"""Where the shop's database is: an environment variable, or what a demo has written down. Knows nothing of Django."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
DEMO = Path(os.environ.get("MTREC_DEMO_DIR", ROOT / ".demo"))
"""All that a demo keeps: its database, its log files, its state."""

STATE_FILE = "state.json"


def read_state(folder: Path | None = None) -> dict[str, Any]:
    """What a demo has written down; empty when there is none or it was cut off while writing."""
    try:
        state = json.loads(((folder or DEMO) / STATE_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def database_of(url: str) -> dict[str, Any]:
    """Django's settings of a database address such as `postgresql://user:secret@host:5432/name`.

    A socket folder stands in the query, as libpq has it: `postgresql://user@/name?host=/run/postgresql`.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL must begin with postgresql://, not {parts.scheme or 'nothing'}://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": query.pop("port", "") or (str(parts.port) if parts.port else ""),
        "OPTIONS": query,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def broker_of(url: str) -> str:
    """The address under which Celery uses the same database as its broker, through kombu's SQLAlchemy transport."""
    return "sqla+postgresql+psycopg://" + url.split("://", 1)[1]
