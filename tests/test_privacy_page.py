"""The page on privacy speaks of every table."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "privacy.md"


@pytest.mark.parametrize("table", [model._meta.db_table for model in apps.get_app_config("mtrec").get_models()])
def test_it_says_what_a_table_is_for(table: str) -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `mtrec_")]
    assert any(f"`{table}`" in row for row in rows)
