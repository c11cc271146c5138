"""Progress while it goes, and cancelling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mtrec_django.admin.durations import duration
from mtrec_django.admin.steps import in_words
from mtrec_django.models import ModelVersion, Run

URL = "/admin/mtrec/run/progress/"


@pytest.fixture
def running(db: None) -> Iterator[Run]:
    """A run whose worker is alive: its lock is held."""
    now = timezone.now()
    run = Run.objects.create(
        kind="train",
        status="running",
        step="Epoch 5 of 8",
        done=5,
        total=8,
        step_started_at=now - timedelta(seconds=50),
        heartbeat_at=now,
        worker="host 1",
    )
    assert run.lock()
    yield run
    run.unlock()


def test_progress_as_json(boss: Client, running: Run) -> None:
    answer = boss.get(URL, {"id": [running.pk, 404]})
    assert answer.json() == {
        "runs": [
            {
                "id": running.pk,
                "status": "running",
                "label": "running",
                "percent": 62.5,
                "text": "Epoch 5 of 8 · 62 % · 30 s left",
                "worker": "host 1",
                "finished": False,
            }
        ]
    }
    assert "no-store" in answer["Cache-Control"]


def test_progress_of_a_dead_worker_is_failed(boss: Client, running: Run) -> None:
    running.unlock()
    assert boss.get(URL, {"id": running.pk}).json()["runs"][0]["status"] == "failed"


@pytest.mark.parametrize("ids", [["x"], ["-1"], ["9" * 40], ["1" * 5000], ["1.5"], []])
def test_nonsense_is_no_run(boss: Client, ids: list[str]) -> None:
    assert boss.get(URL, {"id": ids}).json() == {"runs": []}


def test_progress_needs_the_view_permission(staff: Callable[..., Client], running: Run, client: Client) -> None:
    assert staff("view_item").get(URL, {"id": running.pk}).status_code == 403
    assert staff("view_run").get(URL, {"id": running.pk}).status_code == 200
    assert client.get(URL).status_code == 302


def test_the_page_of_a_running_run_has_a_bar_for_all_readers(boss: Client, running: Run) -> None:
    page = boss.get(reverse("admin:mtrec_run_change", args=[running.pk])).content.decode()
    assert f'<progress max="100" value="62.5" aria-label="Progress of base training #{running.pk}">' in page
    assert 'role="status"' in page
    assert "mtrec/admin.js" in page


def test_cancelling_a_running_run_asks_its_worker(boss: Client, running: Run) -> None:
    page = boss.post(reverse("admin:mtrec_run_cancel", args=[running.pk]), follow=True).content.decode()
    assert "stops at its next step" in page
    running.refresh_from_db()
    assert (running.status, running.cancel_requested) == ("running", True)


def test_cancelling_a_queued_run_ends_it(boss: Client) -> None:
    run = Run.objects.create(kind="train")
    page = boss.post(reverse("admin:mtrec_run_cancel", args=[run.pk]), follow=True).content.decode()
    assert "is cancelled" in page
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_run_that_has_ended_cannot_be_cancelled(boss: Client) -> None:
    run = Run.objects.create(kind="train", status="succeeded")
    page = boss.post(reverse("admin:mtrec_run_cancel", args=[run.pk]), follow=True).content.decode()
    assert "has ended already" in page
    run.refresh_from_db()
    assert not run.cancel_requested


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (45, "45 s"), (59.9, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_steps_in_words() -> None:
    assert in_words("train") == "Training the network"
    assert in_words("something new") == "Something new"
    assert in_words("") == ""


def test_a_run_that_ended_leads_to_what_it_made(boss: Client, base: ModelVersion) -> None:
    ModelVersion.objects.update(reason="NDCG@10 2.00 x popularity")
    run = Run.objects.create(kind="train", status="succeeded", version=base)
    for page in (reverse("admin:mtrec_run_changelist"), reverse("admin:mtrec_run_change", args=[run.pk])):
        shown = boss.get(page).content.decode()
        assert reverse("admin:mtrec_modelversion_change", args=[base.pk]) in shown
        assert "2.00 x popularity" in shown
