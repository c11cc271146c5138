"""Signed links, and answers as lists."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache

from mtrec_django.serving.reasons import Reason
from mtrec_django.serving.recommendations import Answer, Link, Recommendation, sign, unsign

ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


def test_a_link_says_what_was_signed() -> None:
    assert unsign(sign(ID, 42, 3)) == Link(ID, 42, 3, trusted=True)


def test_a_link_is_short() -> None:
    assert len(sign(ID, 2**40, 10)) < 100


def test_an_old_link_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    token, now = sign(ID, 42, 3), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 8 * 24 * 3600)
    assert unsign(token) == Link(ID, 42, 3, trusted=False)


def test_a_link_is_trusted_while_its_secret_is_a_fallback(settings: Any) -> None:
    token, secret = sign(ID, 42, 3), settings.SECRET_KEY
    settings.SECRET_KEY = "another"
    assert unsign(token) == Link(ID, 42, 3, trusted=False)
    settings.SECRET_KEY_FALLBACKS = [secret]
    assert unsign(token) == Link(ID, 42, 3, trusted=True)


@pytest.mark.parametrize("at", range(5))
def test_a_changed_link_is_not_trusted(at: int) -> None:
    token = sign(ID, 42, 3)
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    link = unsign(changed)
    assert link is not None
    assert not link.trusted


@pytest.mark.parametrize("token", ["", ":", "a", "a.b.c", "a.1.2", "::::", "." * 50, "EjRWeBI0VngSNFZ4EjRWeA.0.0"])
def test_nonsense_says_nothing(token: str) -> None:
    assert unsign(token) is None


def test_an_answer_is_a_list() -> None:
    answer = Answer(["a", "b"], scenario="home")
    assert answer == ["a", "b"]
    assert answer[0] == "a"
    assert len(answer) == 2
    assert answer.id != Answer(scenario="home").id


def test_a_list_in_a_cache_keeps_its_reasons_and_not_what_they_were_found_from() -> None:
    asked: list[int] = []

    def find() -> Reason:
        asked.append(1)
        return Reason("personal", because="Tea", kind="view")

    one = Recommendation(ID, 1, 0, 1.0, "home", None, explain=find, obj=None)
    assert not asked
    cache = LocMemCache("answers", {})
    cache.set("first", one)
    kept = cache.get("first")
    assert (kept.source, kept.because, str(kept.reason)) == ("personal", "Tea", "Because you viewed Tea")
    assert str(one.reason) == str(kept.reason)
    assert asked == [1]  # once for all that is read of it
