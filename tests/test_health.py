"""What a load balancer is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from mtrec_django import health
from mtrec_django.models import ModelVersion, Scenario
from mtrec_django.retrieval import store


def test_a_process_lives_without_a_database(client: Client) -> None:
    assert client.get("/health/live/").json() == {"status": "ok"}


def test_ready_says_what_serves(db: None, client: Client) -> None:
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home")
    told = {"status": "fallback", "database": True, "scenarios": 1, "served_by_version": 0}
    assert client.get("/health/ready/").json() == told
    version = ModelVersion.objects.create(kind="base", status="ready")
    version.publish()
    assert client.get("/health/ready/").json() == told
    store.create(version.pk)
    assert client.get("/health/ready/").json() == told | {"status": "ok", "served_by_version": 1}


def test_without_a_database_it_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise OperationalError("password of the database is xyzzy")

    monkeypatch.setattr(health, "_look", fail)
    response = client.get("/health/ready/")
    assert response.status_code == 503
    assert response.json() == {"status": "down", "database": False}
