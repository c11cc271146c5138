"""The command brings the catalogue in and says what it did."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mtrec_django.management.commands import mtrec_sync
from mtrec_django.models import Item, ItemContent, Scenario
from tests.site.making import make_product
from tests.site.models import Article

pytestmark = pytest.mark.django_db


def test_new_items_are_encoded_and_scenarios_written(capsys: pytest.CaptureFixture[str]) -> None:
    make_product(title="Lamp")
    Scenario.objects.all().delete()
    call_command("mtrec_sync", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["sources"]["testsite.product"]["created"] == 1
    assert report["encoded"] == 1
    assert {"site-home", "site-basket"} <= set(report["scenarios"])
    assert ItemContent.objects.get().item == Item.objects.get()
    call_command("mtrec_sync", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["sources"]["testsite.product"] | {"read": 0} == dict.fromkeys(
        report["sources"]["testsite.product"], 0
    )
    assert (report["encoded"], report["scenarios"]) == (0, [])


def test_single_models(capsys: pytest.CaptureFixture[str]) -> None:
    make_product()
    Article.objects.create(headline="News")
    call_command("mtrec_sync", "testsite.Article", "--no-encode")
    assert Item.objects.get().source == "testsite.article"
    out = capsys.readouterr().out
    assert "testsite.article" in out
    assert not ItemContent.objects.exists()


def test_a_host_without_encoder_leaves_texts_to_the_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(mtrec_sync, "find_spec", lambda name: None)
    monkeypatch.setattr(mtrec_sync, "send_light", queued.append)
    make_product()
    call_command("mtrec_sync")
    assert [task.name for task in queued] == ["mtrec.encode"]
    assert "1 texts are left to the worker" in capsys.readouterr().out
    call_command("mtrec_sync", "--json")
    assert json.loads(capsys.readouterr().out)["encoded"] is None
    assert len(queued) == 1


def test_a_label_nobody_registered() -> None:
    with pytest.raises(CommandError, match=r"shop\.nothing"):
        call_command("mtrec_sync", "shop.nothing")
