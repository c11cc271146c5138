"""The command reports what came in and what did not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mtrec_django import Event
from mtrec_django.models import Feedback
from tests.site.folder import write_folder
from tests.site.making import make_product
from tests.site.models import Product
from tests.site.recommendations import Products

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(
        tmp_path / "small",
        interactions="user_id,item_id,scenario,event,value,timestamp\n"
        "u1,a,shop,purchase,2,1300000000\nu2,b,shop,view,,1300000001\nu2,b,shop,view,,1300000001\n"
        "u2,zz,shop,view,,1300000001\nu2,b,shop,view,x,1\n",
        items="item_id,title\na,Lamp\nb,Chair\n",
    )


def test_a_folder_as_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("mtrec_import", str(folder))
    out = capsys.readouterr().out
    for words in (["read", "5"], ["imported", "2"], ["unknown item", "1", "zz"], ["bad number", "1", "line 6"]):
        assert any(all(word in line for word in words) for line in out.splitlines()), words
    assert Feedback.objects.count() == 2


def test_a_folder_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("mtrec_import", str(folder), "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["imported"], report["scenarios"]) == (5, 2, ["shop"])
    assert report["skipped"] == {"bad number": 1, "duplicate": 1, "unknown item": 1}


def test_silence_is_possible(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("mtrec_import", str(folder), verbosity=0)
    assert capsys.readouterr().out == ""


def test_the_sites_own_history(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    product = make_product()

    def history(self: Any) -> Iterator[Event]:
        yield Event(product.pk, "purchase", 1_300_000_000, visitor="v1", key="line-1")

    monkeypatch.setattr(Products, "history", history)
    for expected in (1, 0):
        call_command("mtrec_import", "--history", "--json")
        assert json.loads(capsys.readouterr().out)["imported"] == expected
    call_command("mtrec_import", "--history", "--source", "testsite.Article", "--json")
    assert json.loads(capsys.readouterr().out)["read"] == 0
    assert Feedback.objects.get().item.object_id == str(Product.objects.get().pk)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name a folder"),
        (["somewhere", "--history"], "Name a folder"),
        (["/nowhere"], "No interactions"),
        (["--history", "--source", "shop.nothing"], "shop.nothing"),
    ],
)
def test_real_failures_end_with_an_error(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("mtrec_import", *arguments)


def test_a_broken_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(CommandError, match="gzip"):
        call_command("mtrec_import", str(tmp_path))
    file = write_folder(tmp_path, interactions="user_id,item_id\n" + "u1,a\n" * 1000) / "interactions.csv.gz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(CommandError, match="ended"):
        call_command("mtrec_import", str(tmp_path))
