"""No migration is pending, whatever the site's settings; each has a way back."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["django.db.models.BigAutoField", "django.db.models.AutoField"])
def test_none_pending(settings, field: str) -> None:
    settings.DEFAULT_AUTO_FIELD = field
    said = StringIO()
    call_command("makemigrations", "mtrec", check=True, dry_run=True, stdout=said)
    assert "No changes detected" in said.getvalue()


def test_names_say_what_they_do_and_numbers_are_unique() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    names = [name for app, name in loader.disk_migrations if app == "mtrec"]
    assert len({name[:4] for name in names}) == len(names)
    assert not [name for name in names if "auto" in name]


@pytest.mark.django_db(transaction=True)
def test_every_migration_has_a_way_back() -> None:
    call_command("migrate", "mtrec", "zero", verbosity=0)
    try:
        assert not [name for name in connection.introspection.table_names() if name.startswith("mtrec_")]
    finally:
        call_command("migrate", "mtrec", verbosity=0)
