"""Bring past events in: a dataset folder, or the site's own history."""

from __future__ import annotations

import csv
import zlib
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from ...catalog.registry import source_for, sources
from ...catalog.sync import Progress
from ...events.folders import import_folder
from ...events.history import ImportReport, import_events
from ...exceptions import NotRegistered
from ..command import MtrecCommand
from ..progress import console_for, progress_bar

_FAILURES = (NotRegistered, OSError, EOFError, ValueError, csv.Error, zlib.error)  # of files that are broken or missing


class Command(MtrecCommand):
    """`mtrec_import DIR` or `mtrec_import --history`."""

    help = "Imports the events of a dataset folder, or those that the item sources' history() gives. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", metavar="DIR", help="Folder with interactions.csv.gz.")
        parser.add_argument("--history", action="store_true", help="Read history() of the item sources.")
        parser.add_argument("--source", metavar="LABEL", help="The model the events are on, as shop.product.")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["folder"]) == options["history"]:
            raise CommandError("Name a folder, or say --history.")
        with progress_bar(self.stdout, disable=options["json"] or options["verbosity"] == 0) as progress:
            try:
                report = _run(options, progress)
            except _FAILURES as error:
                raise CommandError(str(error)) from error
        if options["json"]:
            self.write_json(report.as_dict())
        elif options["verbosity"]:
            console_for(self.stdout).print(_table(report))


def _run(options: dict[str, Any], progress: Progress) -> ImportReport:
    if options["folder"]:
        return import_folder(options["folder"], options["source"], progress)
    report = ImportReport()
    for source in [source_for(options["source"])] if options["source"] else sources().values():
        import_events(source.history(), source.label, progress, report=report)
    return report


def _table(report: ImportReport) -> Table:
    """What came in, then what did not, by cause with an example."""
    table = Table("", "rows", "for example")
    table.add_row("read", f"{report.read:,}", "")
    table.add_row("imported", f"{report.imported:,}", "")
    for name in ("items", "users", "relations"):
        if count := getattr(report, name):
            table.add_row(name, f"{count:,}", "")
    if report.scenarios:
        table.add_row("new scenarios", f"{len(report.scenarios):,}", ", ".join(report.scenarios))
    for cause, count in report.skipped.most_common():
        table.add_row(cause, f"{count:,}", "; ".join(report.examples.get(cause, [])), style="yellow")
    return table
