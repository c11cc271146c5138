"""The schedule: every entry can be run by a worker as it stands, by Celery's own beat and by django-celery-beat."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import BaseSchedule, schedule
from django.utils import timezone

from example_project.celery import app
from mtrec_django import tasks
from mtrec_django.conf import Config
from mtrec_django.schedules import beat_schedule

ROOT = Path(__file__).parent.parent
ENTRIES = beat_schedule()
ASKED_FOR_ELSEWHERE = {"mtrec.batch", "mtrec.help_encode", "mtrec.transfer"}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_names_a_task_that_takes_its_arguments_on_the_queue_of_light_tasks(name: str) -> None:
    entry = ENTRIES[name]
    task: Any = app.tasks[entry["task"]]
    signature(task.run).bind(*entry.get("args", ()), **entry.get("kwargs", {}))
    assert entry["options"]["queue"] == Config().QUEUE
    assert beat_schedule(queue="other")[name]["options"]["queue"] == "other"


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_that_nobody_took_expires_when_the_next_is_due(name: str) -> None:
    when = ENTRIES[name]["schedule"]
    every = when if isinstance(when, BaseSchedule) else schedule(timedelta(seconds=when))
    assert every.remaining_estimate(timezone.now()) <= timedelta(seconds=ENTRIES[name]["options"]["expires"])


def test_every_task_is_scheduled_or_asked_for_by_another() -> None:
    known = {f"mtrec.{name}" for name in tasks.__all__ if f"mtrec.{name}" in app.tasks}
    assert {entry["task"] for entry in ENTRIES.values()} == known - ASKED_FOR_ELSEWHERE


def test_the_shop_uses_it(settings: Any) -> None:
    assert settings.CELERY_BEAT_SCHEDULE == ENTRIES


SCRIPT = """
import json
from datetime import timedelta

import django
from celery import current_app
from django.core.management import call_command
from django.utils import timezone

django.setup()
call_command("migrate", verbosity=0)
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

current_app.config_from_object("django.conf:settings", namespace="CELERY")
DatabaseScheduler(app=current_app).sync()
PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(days=2))
scheduler = DatabaseScheduler(app=current_app)
due = {name: entry for name, entry in scheduler.schedule.items() if entry.is_due()[0]}
sent = [scheduler.apply_async(entry, advance=False).id for name, entry in due.items() if name.startswith("mtrec: ")]
with current_app.connection() as connection:
    queue = connection.SimpleQueue("other")
    taken = [queue.get(block=False).headers["task"] for _ in sent]
print(json.dumps({"due": sorted(due), "taken": sorted(taken)}))
"""

SETTINGS = """
from mtrec_django.schedules import beat_schedule

SECRET_KEY = "tests"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django_celery_beat"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/beat.sqlite3"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CELERY_BROKER_URL = "memory://"
CELERY_BEAT_SCHEDULE = beat_schedule(queue="other")
"""


def test_django_celery_beat_reads_it_and_sends_what_is_due(tmp_path: Path) -> None:
    (tmp_path / "beat_settings.py").write_text(SETTINGS.format(folder=tmp_path))
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "beat_settings", "PYTHONPATH": path}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert set(ENTRIES) <= set(told["due"])
    assert told["taken"] == sorted(entry["task"] for entry in ENTRIES.values())
