"""Fine-tune the live base for a scenario."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ...models import Run, Scenario
from ...tasks import enqueue
from ..following import follow_all
from ..progress import progress_bar
from .mtrec_train import Command as TrainCommand


class Command(TrainCommand):
    """`mtrec_transfer NAME`: a scenario's own part, on top of the live base."""

    help = "Train a scenario's own part on top of the live base version; it goes live only where it wins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", nargs="*", help="names of scenarios")
        parser.add_argument("--all", action="store_true", help="every enabled scenario")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--wait", action="store_true", help="show the worker's progress until it has finished")
        where.add_argument("--here", action="store_true", help="train in this process; needs the extra [train]")

    def handle(self, *args: Any, **options: Any) -> None:
        runs = [enqueue(Run.Kind.TRANSFER, scenario, here=options["here"]) for scenario in self.scenarios(options)]
        if options["here"]:
            from ... import jobs

            with progress_bar(self.stdout) as progress:
                for run in runs:
                    jobs.transfer(run.pk, watch=progress)
            self.tell(runs)
        elif options["wait"]:
            with progress_bar(self.stdout) as progress:
                for run in runs:
                    follow_all(run, progress)
            self.tell(runs)
        else:
            for run in runs:
                self.stdout.write(f"Asked for {run}. mtrec_status shows how far it is.")

    def scenarios(self, options: dict[str, Any]) -> list[Scenario]:
        """The scenarios that the caller means."""
        if options["all"]:
            return list(Scenario.objects.filter(enabled=True))
        found = list(Scenario.objects.filter(name__in=options["scenario"]))
        if unknown := set(options["scenario"]) - {scenario.name for scenario in found}:
            raise CommandError(f"no scenario named {', '.join(sorted(unknown))}")
        if not found:
            raise CommandError("name a scenario, or say --all")
        return found
