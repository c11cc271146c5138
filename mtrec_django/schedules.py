"""What Celery beat has to ask for, and when; for the site's settings. Reads no setting."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

MINUTE, HOUR, DAY = 60, 3600, 86400


def beat_schedule(queue: str = "mtrec") -> dict[str, dict[str, Any]]:
    """Entries for `CELERY_BEAT_SCHEDULE`, hours in the time zone of Celery.

    An entry that no worker took until the next one is due expires, so nothing piles up.

    Args:
        queue: that of light tasks, as in `MTREC["QUEUE"]`. Trainings are asked for here and go to their own.
    """
    return {
        "mtrec: base training, then transfers": _entry("train", crontab(hour="2", minute="0"), DAY, queue),
        "mtrec: whole catalogue": _entry("sync", crontab(minute="20"), HOUR, queue),
        "mtrec: new and changed texts": _entry("encode", 5 * MINUTE, 5 * MINUTE, queue),
        "mtrec: popularity and trends": _entry("scores", crontab(minute="5"), HOUR, queue),
        "mtrec: online figures": _entry("metrics", 10 * MINUTE, 10 * MINUTE, queue),
        "mtrec: experiments": _entry("experiments", 10 * MINUTE, 10 * MINUTE, queue),
        "mtrec: what is bought together": _entry("partners", crontab(hour="3", minute="30"), DAY, queue),
        "mtrec: old versions, events and answers": _entry("prune", crontab(hour="5", minute="0"), DAY, queue),
        "mtrec: worn vector indexes": _entry("reindex", crontab(hour="5", minute="30"), DAY, queue),
        "mtrec: runs of dead workers, and what was not queued": _entry("catch_up", MINUTE, MINUTE, queue),
    }


def _entry(task: str, when: crontab | int, every: int, queue: str) -> dict[str, Any]:
    return {"task": f"mtrec.{task}", "schedule": when, "options": {"queue": queue, "expires": every}}
