"""Another process of one training works and writes nothing."""

from __future__ import annotations

import pytest

from mtrec_django import jobs
from mtrec_django.models import ModelVersion, Run

from .test_training import quick, world

pytestmark = pytest.mark.django_db
__all__ = ["quick", "world"]


def test_a_further_process_writes_nothing(world) -> None:
    jobs.encode_items()
    jobs.take_part()
    assert not ModelVersion.objects.exists()
    assert not Run.objects.exists()


def test_the_command_takes_part_where_it_is_not_the_first(world, monkeypatch, capsys) -> None:
    from django.core.management import call_command

    monkeypatch.setenv("RANK", "1")
    call_command("mtrec_train", "--here")
    assert not Run.objects.exists()
