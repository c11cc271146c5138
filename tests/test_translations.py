"""Simplified Chinese is complete, up to date, and comes out where people read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polib
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

import mtrec_django
from mtrec_django.serving.reasons import Reason
from tests.admin.conftest import base, boss, empty, full, home

__all__ = ["base", "boss", "empty", "full", "home"]  # fixtures

PACKAGE = Path(mtrec_django.__file__).parent
CHINESE = Path("locale/zh_Hans/LC_MESSAGES")
PLACEHOLDER = re.compile(r"%\(\w+\)[-+.0-9]*[a-z]|%%|\{\w+\}")


def keys(entries: Any) -> set[tuple[str, str, str]]:
    return {(entry.msgctxt or "", entry.msgid, entry.msgid_plural or "") for entry in entries}


def written(entry: polib.POEntry) -> str:
    return str(entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr)


@pytest.fixture(scope="module")
def chinese() -> polib.POFile:
    return polib.pofile(str(PACKAGE / CHINESE / "django.po"))


def test_everything_is_translated_with_its_placeholders(chinese: polib.POFile) -> None:
    assert len(chinese) > 500
    assert chinese.metadata["Plural-Forms"] == "nplurals=1; plural=0;"
    for entry in chinese:
        assert written(entry) and not entry.fuzzy and not entry.obsolete, entry.msgid
        wanted = sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        assert sorted(PLACEHOLDER.findall(written(entry))) == wanted, entry.msgid


def test_what_is_installed_is_what_was_written(chinese: polib.POFile) -> None:
    compiled = polib.mofile(str(PACKAGE / CHINESE / "django.mo"))
    texts = {(entry.msgctxt or "", entry.msgid): written(entry) for entry in compiled}
    assert texts == {(entry.msgctxt or "", entry.msgid): written(entry) for entry in chinese}


def test_no_text_of_the_package_is_missing(chinese: polib.POFile, tmp_path: Path) -> None:
    if shutil.which("xgettext") is None and not os.environ.get("MTREC_REQUIRE_GETTEXT"):
        pytest.skip("no gettext on this machine")
    kept = shutil.ignore_patterns("__pycache__", "django.*")
    copy = shutil.copytree(PACKAGE, tmp_path / "mtrec_django", ignore=kept)
    command = [sys.executable, "-m", "django", "makemessages", "-l", "zh_Hans", "--verbosity", "0"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    found = polib.pofile(str(copy / CHINESE / "django.po"))
    assert keys(chinese) == keys(found), "Run makemessages, translate what is new, run compilemessages."


def test_the_admin_speaks_chinese(boss: Client, full: dict[str, Any]) -> None:
    with translation.override("zh-hans"):
        page = boss.get(reverse("admin:app_list", args=["mtrec"])).content.decode()
    assert "训练新的基础版本" in page
    assert "需要关注" in page
    assert "Needs attention" not in page


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (Reason("personal", "茶壶", "purchase"), "因为您购买过“茶壶”"),
        (Reason("bought", "茶壶"), "经常与“茶壶”一起购买"),
        (Reason("popular"), "热门"),
    ],
)
def test_a_reason_is_given_in_the_language_of_the_page(reason: Reason, sentence: str) -> None:
    told = reason.sentence
    with translation.override("zh-hans"):
        assert str(told) == sentence
