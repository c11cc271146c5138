"""Train a base version, and the transfers after it."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ...models import Run
from ...tasks import enqueue
from ..command import MtrecCommand
from ..following import follow_all, work_through
from ..progress import progress_bar


class Command(MtrecCommand):
    """`mtrec_train`: ask a worker, or train here."""

    help = (
        "Train a base version on the feedback of all scenarios, then transfer it to each of them. "
        "By default a Celery worker is asked; --here trains in this process instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_where(parser)
        parser.add_argument("--no-transfers", action="store_true", help="leave the scenarios' own parts out")

    def add_where(self, parser: ArgumentParser) -> None:
        """Where the work is done, and whether to look on."""
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--wait", action="store_true", help="show the worker's progress until it has finished")
        where.add_argument("--here", action="store_true", help="train in this process; needs the extra [train]")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["here"] and os.environ.get("RANK", "0") != "0":  # one of several that torchrun started
            from ... import jobs

            jobs.take_part()
            return
        run = enqueue(Run.Kind.TRAIN, here=options["here"], transfers=not options["no_transfers"])
        self.see_through([run], options)

    def see_through(self, runs: list[Run], options: dict[str, Any]) -> None:
        """Work on runs here, follow their worker, or leave them to it."""
        if not options["here"] and not options["wait"]:
            for run in runs:
                self.stdout.write(f"Asked for {run}. mtrec_status shows how far it is.")
            return
        finish = work_through if options["here"] else follow_all
        with progress_bar(self.stdout) as progress:
            done = [ended for run in runs for ended in finish(run, progress)]
        self.tell(done)

    def tell(self, runs: list[Run]) -> None:
        """Say how each run ended; a failed one makes the command fail."""
        for run in runs:
            run.refresh_from_db()
            reason = run.version.reason if run.version else run.error
            self.stdout.write(f"{run}: {run.get_status_display()}. {reason}")
            if run.version and (cost := run.version.report.get("seconds a million events")):
                self.stdout.write(f"  {cost:g} seconds for each million events")
        if failed := [str(run) for run in runs if run.status == Run.Status.FAILED]:
            raise CommandError(f"failed: {', '.join(failed)}")
