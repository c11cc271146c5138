"""What is wrong with a configuration is said by a check, and every check is explained in the docs."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core import checks as django_checks
from django.db import connection

from mtrec_django import Scenario, checks
from mtrec_django.catalog.problems import did_you_mean, problem
from mtrec_django.conf import Config
from tests.site.making import registered
from tests.site.models import Brand

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "reference" / "checks.md"
consent_text = "no function"


def ids(messages: list[Any]) -> list[str | None]:
    return [message.id for message in messages]


def test_a_sound_project_passes(settings: Any) -> None:
    settings.MTREC = {
        "ENCODER": "hashing",
        "CONSENT": None,
        "THREADS": 2,
        "TRAIN": {},
        "VERSION_POLL_SECONDS": 2,
        "LOG_SHOWN": False,
    }
    assert django_checks.run_checks(tags=["mtrec"]) == []


def test_the_defaults_are_sound(settings: Any) -> None:
    settings.MTREC = asdict(Config())
    assert checks.check_settings() == []


@pytest.mark.parametrize(
    ("given", "number", "words"),
    [
        ([], "E001", "not a dict"),
        ({"QUEU": "x"}, "E002", "Did you mean 'QUEUE'?"),
        ({"COLOUR": "x"}, "E002", "Choices are: "),
        ({"THREADS": "2"}, "E003", "a whole number"),
        ({"THREADS": True}, "E003", "a whole number"),
        ({"LOG_SHOWN": 1}, "E003", "True or False"),
        ({"CONSENT": 5}, "E003", "text or None"),
        ({"TRAIN": []}, "E003", "a dict"),
        ({"VERSION_POLL_SECONDS": "soon"}, "E003", "a number"),
        ({"VISITOR_KEYS": 5}, "E003", "a list"),
        ({"VISITOR_KEYS": "one secret of many signs"}, "E009", "no list"),
        ({"VISITOR_KEYS": ["short"]}, "E009", "no list"),
        ({"VISITOR_KEYS": ["one secret of many signs"] * 2}, "E009", "no list"),
        ({"CONSENT": "tests.nowhere.consent"}, "E004", "cannot be imported"),
        ({"CONSENT": "tests.test_checks.consent_text"}, "E004", "takes a request"),
    ],
)
def test_settings(settings: Any, given: Any, number: str, words: str) -> None:
    settings.MTREC = given
    (message,) = checks.check_settings()
    assert message.id == f"mtrec.{number}"
    assert words in f"{message.msg} {message.hint}"
    assert f"#mtrec-{number.lower()}" in str(message.hint)


def test_a_database_that_is_no_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_database_kind() == []
    monkeypatch.setattr(connection, "vendor", "sqlite")
    assert ids(checks.check_database_kind()) == ["mtrec.E005"]
    assert checks.check_extension(databases=["default"]) == []


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (None, ["mtrec.E006"]),
        (("0.7.4", None), ["mtrec.E007"]),
        (("0.8.1", "0.7.4"), ["mtrec.E007"]),
        (("0.8.1", None), []),
        (("1.0", "0.8.0"), []),
        (("0.10.0", "0.10.0"), []),
    ],
)
def test_the_extension(monkeypatch: pytest.MonkeyPatch, row: Any, found: list[str]) -> None:
    class Cursor:
        def __enter__(self) -> Cursor:
            return self

        def __exit__(self, *error: object) -> None: ...

        def execute(self, statement: str) -> None: ...

        def fetchone(self) -> Any:
            return row

    monkeypatch.setattr(connection, "cursor", Cursor)
    assert ids(checks.check_extension(databases=["default"])) == found
    assert checks.check_extension(databases=None) == checks.check_extension(databases=["other"]) == []


def test_the_extension_of_this_very_database(db: None) -> None:
    assert checks.check_extension(databases=["default"]) == []


def test_time_needs_zones(settings: Any) -> None:
    assert checks.check_time_zone() == []
    settings.USE_TZ = False
    assert ids(checks.check_time_zone()) == ["mtrec.E008"]


def test_pools_without_time_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for pool, expected in (("prefork", []), ("solo", []), ("threads", ["mtrec.W003"]), ("gevent", ["mtrec.W003"])):
        monkeypatch.setitem(current_app.conf, "worker_pool", pool)
        assert ids(checks.check_pool()) == expected


def test_without_sessions_guests_are_nobody(settings: Any) -> None:
    assert checks.check_middleware() == []
    settings.MIDDLEWARE = []
    assert ids(checks.check_middleware()) == ["mtrec.W001"]


def test_declarations_are_checked() -> None:
    with registered(Brand, text=["nmae"]):
        assert ids(checks.check_declarations()) == ["mtrec.E010"]


def test_rules_of_a_declared_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtrec_django.catalog.scenarios._declared", {})
    Scenario("good", diversity=0.3, at_most={"brand": 2}, candidates=["personal"], in_session=True)
    assert checks.check_declarations() == []
    Scenario("bad", diversity=3, divresity=0.3)
    wrong, unknown = checks.check_declarations()
    assert (wrong.id, unknown.id) == ("mtrec.E025", "mtrec.W020")
    assert "from 0 to 1" in wrong.msg
    assert "Did you mean 'diversity'?" in str(unknown.hint)


def test_kinds_that_are_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtrec_django.catalog.scenarios._declared", {})
    Scenario("bad", money="purchase")
    Scenario("good", money=("purchase",), conversions=["share"])
    assert ids(checks.check_declarations()) == ["mtrec.E026"]


def test_a_site_that_registers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "sources", dict)
    monkeypatch.setattr(checks, "declared", dict)
    assert ids(checks.check_declarations()) == ["mtrec.W002"]


def test_hints() -> None:
    assert did_you_mean("prise", ["price", "title"]) == "Did you mean 'price'?"
    assert did_you_mean("xyz", ["b", "a"]) == "Choices are: a, b."
    assert did_you_mean("xyz", []) == ""
    assert problem("W001", "message").level == django_checks.WARNING
    assert problem("E001", "message", "Do this.").hint == (
        "Do this. See https://mtrec-django.readthedocs.io/reference/checks/#mtrec-e001"
    )


def test_code_and_docs_know_the_same_checks() -> None:
    """Each id in the code has its section, and each section its check."""
    code = {
        number
        for file in (ROOT / "mtrec_django").rglob("*.py")
        for number in re.findall(r'problem\(\s*"([EW]\d{3})"', file.read_text())
    }
    sections = re.findall(r"^## mtrec\.([EW]\d{3})\b", DOCS.read_text(), flags=re.MULTILINE)
    assert len(sections) == len(set(sections))
    assert sections == sorted(sections)
    assert code == set(sections)
