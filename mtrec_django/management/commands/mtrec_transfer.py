"""Fine-tune the live base for a scenario."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ...models import Run, Scenario
from ...tasks import enqueue
from .mtrec_train import Command as TrainCommand


class Command(TrainCommand):
    """`mtrec_transfer NAME`: a scenario's own part, on top of the live base."""

    help = "Train a scenario's own part on top of the live base version; it goes live only where it wins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", nargs="*", help="names of scenarios")
        parser.add_argument("--all", action="store_true", help="every enabled scenario")
        self.add_where(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        runs = [enqueue(Run.Kind.TRANSFER, scenario, here=options["here"]) for scenario in self.scenarios(options)]
        self.see_through(runs, options)

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
