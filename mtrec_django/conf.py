"""The settings of the package: one dict, `MTREC`, in the site's settings; read at call time.

No setting reaches a model field, so no setting ever needs a migration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

DIM = 64
"""Width of the shared space. A constant, since it is a column type: changing the text encoder is no migration."""

HISTORY_LENGTH = 50
"""How many of a visitor's last events the query encoder reads."""


@dataclass(frozen=True, slots=True)
class Config:
    """`MTREC` with its defaults."""

    ENCODER: str = "minilm"
    """Text encoder of the worker: "minilm", "hashing", "openai:MODEL", a sentence-transformers name or folder, or a
    dotted path."""
    IMAGE_ENCODER: str = ""
    """Image encoder of the worker: none, "colours", a name or folder that transformers loads, or a dotted path."""
    CONSENT: str | None = None
    """Dotted path of `consent(request) -> bool`. Without consent nothing is stored and answers are contextual only."""
    DESCRIBE_USER: str | None = None
    """Dotted path of `describe(user) -> dict`: labels and numbers of a user that recommendations may learn from."""
    DO_NOT_TRACK: bool = False
    """Whether a browser that sends `DNT: 1` or `Sec-GPC: 1` (Global Privacy Control) has not consented."""
    VISITOR_KEYS: Sequence[str] = ()
    """Secrets under which guests' keys and imported names are stored as keyed hashes, the newest first; `mtrec_rekey`
    brings older ones under the first. A secret stays on the list, since the way to the newest leads through it."""
    KEEP_EVENTS_DAYS: int = 0
    """Days after which `mtrec.prune` deletes events, and guests who have none left; 0 keeps them."""
    KEEP_SHOWN_DAYS: int = 0
    """Days after which `mtrec.prune` deletes what was shown; 0 keeps it."""
    CRAWLERS_COUNT: bool = False
    """Whether robots, told by their user agent, are visitors like others: for tests by a browser without a head."""
    GUESTS_PER_HOUR: int = 100
    """How many guests one address and user agent may become in an hour without ever sending a cookie; 0: no limit."""
    SYNC_ON_COMMIT: bool = True
    """Whether saves and deletes of registered models are caught up on commit; `mtrec_sync` catches up either way."""
    QUEUE: str = "mtrec"
    """Celery queue of light tasks."""
    TRAIN_QUEUE: str = "mtrec"
    """Celery queue of base training and transfer; name another to keep them on a host of their own."""
    TASK_SECONDS: int = 3600
    """Seconds after which a light task is stopped; 0 is no limit."""
    TRAIN_SECONDS: int = 12 * 3600
    """Seconds after which a base training or a transfer is stopped, and its run fails; 0 is no limit."""
    TRAIN: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the learner's settings (`mtrec_django.learning.pretrain.Settings`), by name."""
    THREADS: int = 0
    """Threads a training may use; 0 means the processors this process may run on."""
    LINK_MAX_AGE: int = 7 * 24 * 3600
    """Seconds for which a signed link still records a click; it redirects for ever."""
    VISITOR_TOKEN_MAX_AGE: int = 24 * 3600
    """Seconds for which a signed visitor token speaks for its visitor."""
    SIMILAR_VISITORS: bool = False
    """Whether the API tells who is like whom: servers by name, visitors by words that mean nothing elsewhere."""
    LOG_SHOWN: bool = True
    """Whether what was shown is stored (needed for honest click-through figures)."""
    BUDGET_MS: int = 2000
    """Milliseconds an answer may take, after which the best so far is given; 0 is no limit."""
    VERSION_POLL_SECONDS: float = 0.5
    """How long a web process may go on with the version it knows before it looks whether another is live."""
    KEEP_VERSIONS: int = 2
    """How many superseded base versions keep their vectors, for roll back."""

    def consent(self) -> Callable[[Any], bool] | None:
        """The consent callable, or None when the site did not name one."""
        return import_string(self.CONSENT) if self.CONSENT else None

    def describe_user(self) -> Callable[[Any], Mapping[str, Any]] | None:
        """The callable that describes a user, or None when the site did not name one."""
        return import_string(self.DESCRIBE_USER) if self.DESCRIBE_USER else None


@cache
def get_config() -> Config:
    """The settings in force. Unknown keys are left to the system checks."""
    given: Mapping[str, Any] = getattr(settings, "MTREC", {})
    known = {field.name for field in fields(Config)}
    return Config(**{key: value for key, value in given.items() if key in known})


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "MTREC":
        get_config.cache_clear()


setting_changed.connect(_forget, dispatch_uid="mtrec.conf")
