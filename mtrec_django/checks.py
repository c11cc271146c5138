"""System checks: what is wrong with the site's configuration, said before anything runs."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any

from celery import current_app
from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import connections, router
from django.utils.module_loading import import_string

from .catalog.problems import did_you_mean, problem
from .catalog.registry import sources
from .catalog.scenarios import Scenario, declared
from .conf import Config
from .locking import untimed
from .models import Item
from .models.catalog import KINDS_OF, misread
from .retrieval.policy import OPTIONS, option_problems

MINIMUM_PGVECTOR = (0, 8)
"""The first version with iterative scans, without which a filtered list comes out short."""


LEARNER_OPTIONS = {"in_session", "repeats"}
"""Options of a scenario that say how its quality is measured."""


CALLABLES = {"CONSENT": "request", "DESCRIBE_USER": "user"}
"""Settings that name a function, and what it takes."""


def connect() -> None:
    """Register the checks."""
    checks.register(check_settings, "mtrec")
    checks.register(check_database_kind, "mtrec")
    checks.register(check_time_zone, "mtrec")
    checks.register(check_middleware, "mtrec")
    checks.register(check_pool, "mtrec")
    checks.register(check_declarations, "mtrec")
    checks.register(check_extension, checks.Tags.database)


def check_settings(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The dict `MTREC`: known keys, right types, a consent that can be called."""
    given = getattr(settings, "MTREC", {})
    if not isinstance(given, Mapping):
        return [problem("E001", f"MTREC is {given!r}, not a dict.", 'Write MTREC = {"QUEUE": "mtrec"}.')]
    types = typing.get_type_hints(Config)
    known = {field.name: types[field.name] for field in fields(Config)}
    found = []
    for key, value in given.items():
        if key not in known:
            found.append(problem("E002", f"MTREC has no setting {key!r}.", did_you_mean(str(key), known)))
        elif not _fits(value, known[key]):
            found.append(problem("E003", f"MTREC[{key!r}] is {value!r}.", f"It must be {_in_words(known[key])}."))
    if found:
        return found
    callables = [message for key in CALLABLES for message in _check_callable(key, given.get(key))]
    return [*callables, *_check_visitor_keys(given.get("VISITOR_KEYS", ()))]


def check_database_kind(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The tables are in Postgres."""
    alias = router.db_for_write(Item)
    if (vendor := connections[alias].vendor) != "postgresql":
        message = f"Database {alias!r}, where recommendations are kept, is {vendor}."
        return [
            problem(
                "E005",
                message,
                "Only PostgreSQL with the extension pgvector will do; a database router may send the app there.",
            )
        ]
    return []


def check_extension(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """That Postgres has pgvector, in a version with iterative scans. Run by `migrate` and `check --database`."""
    alias = router.db_for_write(Item)
    if alias not in (databases or ()) or connections[alias].vendor != "postgresql":
        return []
    with connections[alias].cursor() as cursor:
        cursor.execute("select default_version, installed_version from pg_available_extensions where name = 'vector'")
        row = cursor.fetchone()
    if row is None:
        hint = "Install the package (apt install postgresql-17-pgvector, or an image such as pgvector/pgvector:pg17)."
        return [problem("E006", f"The Postgres of database {alias!r} does not have the extension pgvector.", hint)]
    version = row[1] or row[0]
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_PGVECTOR:
        hint = "Install pgvector 0.8 or later, then run ALTER EXTENSION vector UPDATE."
        return [problem("E007", f"The extension pgvector of database {alias!r} is version {version}.", hint)]
    return []


def check_time_zone(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Events of several hosts are put in order by their time."""
    if settings.USE_TZ:
        return []
    hint = "Set USE_TZ = True (Django's default); TIME_ZONE stays what people see."
    return [problem("E008", "USE_TZ is False, so the time of an event means nothing without its host.", hint)]


def check_middleware(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Guests are known by their session."""
    if any("SessionMiddleware" in path for path in settings.MIDDLEWARE):
        return []
    hint = "Add django.contrib.sessions.middleware.SessionMiddleware, or silence this when the API is all you use."
    return [problem("W001", "There is no session middleware, so nothing guests do is kept.", hint)]


def check_pool(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The pool that the site's Celery is set to ends tasks whose time is over; a worker may be started with another."""
    if not untimed(pool := str(current_app.conf.worker_pool)):
        return []
    hint = "Leave CELERY_WORKER_POOL at prefork, or start the workers of our queues with --pool prefork."
    return [problem("W003", f"The pool of Celery's workers is {pool}, in which no task has a time limit.", hint)]


def check_declarations(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Item sources and scenarios, each by its own check."""
    found = [message for source in sources().values() for message in source.check()]
    found += [message for scenario in declared().values() for message in scenario.check()]
    found += [message for scenario in declared().values() for message in _check_options(scenario)]
    if not sources():
        hint = "Register a model in a module recommendations.py of one of the installed apps."
        found.append(problem("W002", "No model is registered for recommendations.", hint))
    return found


def _check_options(scenario: Scenario) -> list[CheckMessage]:
    """Candidate sources and rules, as serving will read them."""
    found = [
        problem("E025", f"{scenario!r}, option {name!r}: {error}")
        for name, error in option_problems(scenario.options).items()
    ]
    hint = 'Write it as in money=["purchase"].'
    found += [
        problem("E026", f"{scenario!r}, option {name!r} is no list of kinds of events.", hint)
        for name in misread(scenario.options)
    ]
    known = OPTIONS | LEARNER_OPTIONS | set(KINDS_OF)
    for name in scenario.options.keys() - known:
        found.append(
            problem("W020", f"{scenario!r} has an option {name!r}, which nothing reads.", did_you_mean(name, known))
        )
    return found


def _check_callable(key: str, path: Any) -> list[CheckMessage]:
    if not path:
        return []
    try:
        named = import_string(path)
    except ImportError as error:
        return [problem("E004", f"MTREC[{key!r}] cannot be imported: {error}", "Name a function by its dotted path.")]
    if not callable(named):
        return [problem("E004", f"MTREC[{key!r}] is {named!r}.", f"Name a function that takes a {CALLABLES[key]}.")]
    return []


def _check_visitor_keys(secrets: Sequence[Any]) -> list[CheckMessage]:
    sound = not isinstance(secrets, str) and all(isinstance(each, str) and len(each) >= 16 for each in secrets)
    if sound and len(set(secrets)) == len(secrets):
        return []
    hint = 'Name secrets of at least 16 signs, the newest first, as in [os.environ["VISITOR_KEY"]].'
    return [problem("E009", "MTREC['VISITOR_KEYS'] is no list of different secrets.", hint)]


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type as the settings have them: plain, optional or a mapping."""
    kinds = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
    for kind in kinds:
        plain = typing.get_origin(kind) or kind
        if plain is float:
            plain = int | float
        if isinstance(value, plain) and (kind is bool or not isinstance(value, bool)):
            return True
    return False


def _in_words(hint: Any) -> str:
    kinds = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
    names: dict[Any, str] = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
    names |= {NoneType: "None", Sequence: "a list"}
    return " or ".join(names.get(typing.get_origin(kind) or kind, "a dict") for kind in kinds)
