"""The lists of all visitors, as for e-mails."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.core.management.base import CommandError

from ...exceptions import NotRegistered
from ...jobs.batch import CHUNK, recommend_batch
from ...jobs.batches import batch_csv, make_batch, start_batch, write_lists
from ...models import Batch, Scenario
from ..command import MtrecCommand


class Command(MtrecCommand):
    """`mtrec_batch SCENARIO`: one list for each visitor."""

    help = """Make the list of every visitor in a scenario, with the same rules and exclusions as on the page.

  manage.py mtrec_batch home --out lists.csv       in this process, one line an item, while they are made
  manage.py mtrec_batch home --queue               stored, in chunks that all workers share
  manage.py mtrec_batch --id 7                     how far it is; make here what is left, beside any workers: --here
  manage.py mtrec_batch --id 7 --out lists.csv     read it out"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", nargs="?", help="name of the scenario")
        parser.add_argument("-n", type=int, default=10, help="how many items a list (default 10)")
        parser.add_argument("--chunk", type=int, default=CHUNK, help=f"visitors made together (default {CHUNK})")
        parser.add_argument("--out", help="file to write, “-” is the terminal")
        parser.add_argument("--queue", action="store_true", help="store the lists, made by workers")
        parser.add_argument("--id", type=int, help="a batch that was queued")
        parser.add_argument("--here", action="store_true", help="make what is left of it in this process")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["id"] is not None:
            self.stored(options)
        elif not options["scenario"] or options["queue"] == bool(options["out"]):
            raise CommandError("Name a scenario, and either --out FILE or --queue; or a batch by --id.")
        elif options["queue"]:
            self.queue(options)
        else:
            self.stream(options)

    def stream(self, options: dict[str, Any]) -> None:
        """Straight into the file."""
        started = time.perf_counter()
        try:
            lists = recommend_batch(options["scenario"], n=options["n"], chunk=options["chunk"])
            with self.opened(options["out"]) as file:
                count = write_lists(lists, file)
        except NotRegistered as error:
            raise CommandError(str(error)) from error
        self.report(options, lists=count, seconds=time.perf_counter() - started)

    def queue(self, options: dict[str, Any]) -> None:
        """For the workers."""
        try:
            batch = start_batch(options["scenario"], options["n"], chunk=options["chunk"])
        except Scenario.DoesNotExist as error:
            raise CommandError(f"no scenario {options['scenario']}") from error
        self.report(options, batch=batch.pk, chunks=batch.totals()["chunks"])

    def stored(self, options: dict[str, Any]) -> None:
        """One that was queued."""
        try:
            batch = Batch.objects.select_related("scenario").get(pk=options["id"])
        except Batch.DoesNotExist as error:
            raise CommandError(f"no batch {options['id']}") from error
        if options["here"]:
            for _chunk in make_batch(batch):
                pass
        if options["out"]:
            if batch.waiting.exists():
                raise CommandError(f"{batch.waiting.count()} chunks are not made yet; --here makes them.")
            with self.opened(options["out"]) as file:
                file.writelines(batch_csv(batch))
        self.report(options, batch=batch.pk, **batch.totals())

    def report(self, options: dict[str, Any], **figures: Any) -> None:
        """What was done, with lists a second where it took any."""
        if figures.get("seconds"):
            figures["per_second"] = round(figures["lists"] / figures["seconds"], 1)
            figures["seconds"] = round(figures["seconds"], 2)
        if options["json"]:
            self.write_json(figures)
        else:
            out = self.stderr if options["out"] == "-" else self.stdout
            out.write(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()))

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[str]]:
        """The file; the terminal for a dash.

        Raises:
            CommandError: when it cannot be written.
        """
        if name == "-":
            yield sys.stdout
            return
        try:
            file = open(name, "w", encoding="utf-8", newline="")  # noqa: SIM115 - closed below
        except OSError as error:
            raise CommandError(f"cannot write {name}: {error}") from error
        with file:
            yield file
