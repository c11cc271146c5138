"""The command on a small folder, and on a site's own history."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mtrec_django.models import Feedback, Item, Scenario, Visitor


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt") as file:
            file.write(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        interactions="user_id,item_id,scenario,event,value,timestamp\nu1,a,shop,purchase,2,1300000000\nu2,b,shop,view,,1300000001\nu2,b,shop,view,,1300000001\nu2,zz,shop,view,,1300000001\nu2,b,shop,view,x,1\n",
        items="item_id,title,price\na,Lamp,3\nb,Chair,\n",
        users="user_id,country\nu1,France\n",
    )


@pytest.mark.django_db
def test_a_folder_comes_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("mtrec_import", str(folder), "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["read"] == 5
    assert report["imported"] == 2
    assert report["skipped"] == {"bad number": 1, "duplicate": 1, "unknown item": 1}
    assert Feedback.objects.count() == 2
    assert Scenario.objects.get(name="shop").goal == {"purchase": 1, "view": 1}
    assert Visitor.objects.get(external_id="u1").features == {"country": "France"}
    assert Item.objects.get(title="Lamp").source.startswith("dataset.")
    call_command("mtrec_import", str(folder))
    assert Feedback.objects.count() == 2


@pytest.mark.django_db
def test_a_folder_without_interactions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="interactions"):
        call_command("mtrec_import", str(tmp_path))
