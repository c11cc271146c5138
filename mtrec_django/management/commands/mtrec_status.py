"""Where everything stands."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...models import Feedback, Item, Run, Scenario
from ...queueing import depths, waiting
from ..command import MtrecCommand


class Command(MtrecCommand):
    """`mtrec_status`: catalogue, events, live versions, runs."""

    help = "Show the catalogue, what is live in each scenario and the latest runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        Run.objects.reap()
        status: dict[str, Any] = {
            "items": Item.objects.count(),
            "available": Item.objects.filter(available=True).count(),
            "feedback": Feedback.objects.count(),
            "scenarios": [
                self.scenario(row) for row in Scenario.objects.select_related("live_version", "live_version__parent")
            ],
            "waiting": [
                {"kind": one.kind, "queue": one.queue, "count": one.count, "seconds": one.seconds} for one in waiting()
            ],
            "messages": dict(depths()),
            "runs": [self.run(row) for row in Run.objects.select_related("scenario")[:10]],
        }
        if options["json"]:
            self.write_json(status)
            return
        self.stdout.write(
            f"{status['items']} items ({status['available']} available), {status['feedback']} events of feedback"
        )
        for entry in status["scenarios"]:
            self.stdout.write(
                f"  {entry['name']}: {entry['live'] or 'no version yet, fallback lists'} {entry['reason']}"
            )
        for entry in status["waiting"]:
            words = f"{entry['count']} of {entry['kind']} wait on {entry['queue']}"
            self.stdout.write(f"  {words}, the oldest for {entry['seconds']:.0f} s")
        for queue, messages in status["messages"].items():
            self.stdout.write(f"  {messages} messages in the queue {queue}")
        for entry in status["runs"]:
            self.stdout.write(f"  {entry['run']}: {entry['status']} {entry['step']} {entry['error']}".rstrip())

    def scenario(self, row: Scenario) -> dict[str, Any]:
        """One scenario in short."""
        live = row.live_version
        return {
            "name": row.name,
            "enabled": row.enabled,
            "live": str(live) if live else None,
            "since": live.created_at if live else None,
            "reason": live.reason if live else "",
            "metrics": live.metrics.get(row.name, {}) if live else {},
        }

    def run(self, row: Run) -> dict[str, Any]:
        """One run in short."""
        return {
            "run": str(row),
            "status": row.status,
            "step": row.step,
            "percent": row.percent,
            "seconds_left": row.seconds_left,
            "error": row.error,
        }
