"""`mtrec_evaluate`: on the site's events and on a folder, what it says and how it ends."""

from __future__ import annotations

import csv
import gzip
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mtrec_django.catalog.sync import sync
from mtrec_django.events.history import import_events
from mtrec_django.models import ModelVersion, Scenario
from tests.jobs.worlds import make_events, make_products

FEW = ["--baselines", "popularity,itemknn"]


@pytest.fixture(autouse=True)
def quick(settings) -> None:
    settings.MTREC = {"ENCODER": "hashing", "TRAIN": {"quick": True, "epochs": 2}, "THREADS": 1}


@pytest.fixture
def site(db: None) -> None:
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", sources=["testsite.product"], goal={"purchase": 1})
    halves = make_products()
    sync(["testsite.product"])
    import_events(make_events(halves), "testsite.product")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty visitors, each of whom reads on from his place in one of two shelves."""
    rows = [
        (f"u{user}", f"{'ab'[user % 2]}{(user + step) % 12}", "shelf", "view", "", 1_600_000_000 + 86_400 * step + user)
        for user in range(40)
        for step in range(8)
    ]
    with gzip.open(tmp_path / "interactions.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows([("user_id", "item_id", "scenario", "event", "value", "timestamp"), *rows])
    return tmp_path


def called(*arguments: str) -> str:
    out = StringIO()
    call_command("mtrec_evaluate", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("site")
def test_the_sites_events_are_asked_and_nothing_is_published() -> None:
    report = json.loads(called("--json", *FEW))
    assert report["source"] == "database"
    assert report["protocol"] == "time"
    assert report["scenarios"]["home"]["models"].keys() == {"ours", "network", "popularity", "itemknn"}
    assert not ModelVersion.objects.exists()


def test_a_folder_needs_no_database(folder: Path) -> None:
    said = called(str(folder), "--protocol", "last-out", *FEW)
    for word in ("shelf, last-out: 40 questions", "NDCG@10", "itemknn", "known events", "coverage"):
        assert word in said


def test_a_loss_beyond_noise_has_an_exit_code_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mtrec_django.jobs import evaluating

    def lost(*arguments: object) -> dict:
        margins = {"itemknn": {"mean": -0.2, "low": -0.3, "high": -0.1}, "network": {"mean": -1, "low": -1, "high": -1}}
        return {"scenarios": {"shelf": {"questions": 9, "margins": margins}}}

    monkeypatch.setattr(evaluating, "evaluate_folder", lost)
    assert "shelf" in called(str(folder), "--json")
    with pytest.raises(CommandError, match=r"shelf: itemknn is better by 0.2000 \(0.1000 to 0.3000\)") as raised:
        called(str(folder), "--json", "--must-win")
    assert raised.value.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baselines", "oracle"], "no baseline oracle: there are popularity"),
        (["--hide-items", "2"], "2 is not from 0 to below 1"),
        (["--hide-items", "many"], "many is no number"),
        (["--scenario", "nowhere"], "no scenario 'nowhere'"),
    ],
)
def test_what_makes_no_sense_is_said(folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        called(str(folder), *arguments)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"interactions\.csv"):
        called(str(tmp_path / "nowhere"))


def test_too_few_events_are_no_success(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "interactions.csv.gz", "wt") as file:
        file.write("user_id,item_id,scenario,event,value,timestamp\nu,a,shelf,view,,1600000000\n")
    with pytest.raises(CommandError, match="nothing to ask for"):
        called(str(tmp_path), "--protocol", "last-out", *FEW)
