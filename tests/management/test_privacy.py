"""The commands that erase somebody and bring names under a new secret."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command

from mtrec_django.events.visitors import visitor_by_external_id, visitor_for
from mtrec_django.models import Feedback, Visitor
from mtrec_django.testing import make_event, make_visitor
from tests.site.making import make_product, make_request

pytestmark = pytest.mark.django_db


def called(*args: str, **options: object) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def erase(*args: str) -> dict[str, Any]:
    receipt: dict[str, Any] = json.loads(called("mtrec_erase", *args, "--no-input", "--json"))
    return receipt


@pytest.fixture
def ann(db: None) -> Visitor:
    visitor = make_visitor(get_user_model().objects.create_user("ann"), external_id="c-1")
    make_event(make_product(), visitor=visitor)
    return visitor


@pytest.mark.parametrize("way", ["--user", "--user-id", "--visitor", "key"])
def test_whoever_is_named_is_erased(ann: Visitor, way: str) -> None:
    name = {"--user": "ann", "--user-id": str(ann.user_id), "--visitor": "c-1", "key": str(ann.key)}[way]
    option = "--visitor" if way == "key" else way
    assert erase(option, name)["rows"] == {"mtrec_feedback": 1, "mtrec_visitor": 1}
    assert not Feedback.objects.exists()


def test_a_session_forgets_its_guest() -> None:
    request = make_request()
    guest = visitor_for(request, create=True)
    assert guest is not None
    request.session["basket"] = [1]
    request.session.save()
    key = str(request.session.session_key)
    assert erase("--session", key)["rows"] == {"mtrec_visitor": 1}
    assert dict(SessionStore(key).items()) == {"basket": [1]}
    assert erase("--session", key)["rows"] == {}


def test_a_session_of_a_user_is_the_user(ann: Visitor) -> None:
    session = SessionStore()
    session["_auth_user_id"] = str(ann.user_id)
    session.save()
    assert erase("--session", str(session.session_key))["rows"]["mtrec_visitor"] == 1


def test_a_receipt_can_be_verified(ann: Visitor, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.json"
    receipt.write_text(json.dumps(erase("--user", "ann")))
    assert "genuine" in called("mtrec_erase", "--verify", str(receipt))
    receipt.write_text(receipt.read_text().replace("2", "3", 1))
    for file in (receipt, tmp_path / "nothing.json"):
        with pytest.raises(CommandError):
            called("mtrec_erase", "--verify", str(file))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say whom"),
        (["--user", "bob"], "no user bob"),
        (["--user-id", "x"], "no user x"),
        (["--visitor", "nobody"], "no visitor nobody"),
        (["--session", "nothing"], "no such session"),
    ],
)
def test_nobody_is_erased_by_mistake(ann: Visitor, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        called("mtrec_erase", *arguments)
    assert Visitor.objects.get() == ann


def test_it_asks_first(ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: "no")
    with pytest.raises(CommandError, match="nothing was erased"):
        called("mtrec_erase", "--user", "ann")
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    called("mtrec_erase", "--user", "ann")
    assert not Visitor.objects.exists()


def test_rekey_says_how_many(settings: Any) -> None:
    with pytest.raises(CommandError, match="is empty"):
        called("mtrec_rekey")
    visitor_by_external_id("c-1", create=True)
    settings.MTREC = {"VISITOR_KEYS": ["one"]}
    assert json.loads(called("mtrec_rekey", "--json")) == {"rekeyed": 1, "lost": 0}
    settings.MTREC = {"VISITOR_KEYS": ["two"]}
    with pytest.raises(CommandError, match="put it back"):
        called("mtrec_rekey")


def test_a_visitor_gets_what_is_stored(ann: Visitor, tmp_path: Path) -> None:
    told = json.loads(called("mtrec_export", "--user", "ann"))
    assert [event["kind"] for event in told["feedback"]] == ["view"]
    called("mtrec_export", "--visitor", "c-1", "--output", str(tmp_path / "ann.json"))
    assert json.loads((tmp_path / "ann.json").read_text()) == told


def test_a_folder_of_the_only_source(ann: Visitor, tmp_path: Path) -> None:
    told = json.loads(called("mtrec_export", str(tmp_path), "--json"))
    assert told == {
        "source": "testsite.product",
        "rows": {"interactions": 1, "items": 1, "users": 0, "relations": 0},
    }
    assert "1 interactions" in called("mtrec_export", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name a folder"),
        (["somewhere", "--user", "ann"], "Name a folder"),
        (["/proc/nowhere"], "cannot be written"),
        (["somewhere", "--source", "shop.nothing"], "no items of shop.nothing"),
    ],
)
def test_what_cannot_be_exported(ann: Visitor, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        called("mtrec_export", *arguments)
