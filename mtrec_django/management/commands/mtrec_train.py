"""Train a base version, and the transfers after it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...models import Run
from ...tasks import enqueue
from ..following import follow_all
from ..progress import progress_bar


class Command(BaseCommand):
    """`mtrec_train`: ask a worker, or train here."""

    help = (
        "Train a base version on the feedback of all scenarios, then transfer it to each of them. "
        "By default a Celery worker is asked; --here trains in this process instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--wait", action="store_true", help="show the worker's progress until it has finished")
        where.add_argument("--here", action="store_true", help="train in this process; needs the extra [train]")
        parser.add_argument("--no-transfers", action="store_true", help="leave the scenarios' own parts out")

    def handle(self, *args: Any, **options: Any) -> None:
        run = enqueue(Run.Kind.TRAIN, here=options["here"], transfers=not options["no_transfers"])
        if options["here"]:
            from ... import jobs

            with progress_bar(self.stdout) as progress:
                jobs.train(run.pk, watch=progress)
                run.refresh_from_db()
                for child in Run.objects.filter(pk__in=run.report.get("asked_for", [])):
                    jobs.transfer(child.pk, watch=progress)
            self.tell([run, *Run.objects.filter(pk__in=run.report.get("asked_for", []))])
        elif options["wait"]:
            with progress_bar(self.stdout) as progress:
                runs = follow_all(run, progress)
            self.tell(runs)
        else:
            self.stdout.write(f"Asked for {run}. mtrec_status shows how far it is.")

    def tell(self, runs: list[Run]) -> None:
        """Say how each run ended; a failed one makes the command fail."""
        for run in runs:
            run.refresh_from_db()
            reason = run.version.reason if run.version else run.error
            self.stdout.write(f"{run}: {run.get_status_display()}. {reason}")
        if failed := [str(run) for run in runs if run.status == Run.Status.FAILED]:
            raise CommandError(f"failed: {', '.join(failed)}")
