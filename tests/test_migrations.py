"""No migration is pending, whatever the site's settings; each has a way back."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from mtrec_django.conf import DIM
from mtrec_django.models import Item, ItemVector
from mtrec_django.retrieval import store


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
def test_versions_made_before_know_nothing_of_texts_and_serve_on() -> None:
    call_command("migrate", "mtrec", "0013", verbosity=0)
    try:
        item = Item.objects.create(source="a.b", object_id="1")
        with connection.cursor() as cursor:
            cursor.execute("create table mtrec_itemvector_v7 partition of mtrec_itemvector for values in (7)")
            cursor.execute(
                "insert into mtrec_itemvector (version_id, item_id, source, object_id, available, vector)"
                " values (7, %s, 'a.b', '1', true, %s)",
                [item.pk, str([1] * DIM)],
            )
        call_command("migrate", "mtrec", verbosity=0)
        assert ItemVector.objects.get(version_id=7).text is None
        assert store.upsert(7, [item.pk], np.ones((1, DIM), np.float32), np.ones((1, 2), np.int8)) == 1
        call_command("migrate", "mtrec", "0013", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from mtrec_itemvector_v7")
            assert cursor.fetchone() == (1,)
    finally:
        call_command("migrate", "mtrec", verbosity=0)
        store.drop(7)


@pytest.mark.django_db(transaction=True)
def test_every_migration_has_a_way_back() -> None:
    call_command("migrate", "mtrec", "zero", verbosity=0)
    try:
        assert not [name for name in connection.introspection.table_names() if name.startswith("mtrec_")]
    finally:
        call_command("migrate", "mtrec", verbosity=0)
