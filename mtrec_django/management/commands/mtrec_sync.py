"""Bring the catalogue in."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib.util import find_spec
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from ...catalog.scenarios import sync_declared
from ...catalog.sync import Progress, SyncReport, sync
from ...exceptions import NotRegistered
from ...queueing import send_light
from ...tasks import encode
from ..command import MtrecCommand
from ..progress import console_for, progress_bar


class Command(MtrecCommand):
    """`mtrec_sync [label …]`."""

    help = "Brings the registered models in as items, writes declared scenarios, and encodes new and changed texts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("labels", nargs="*", metavar="label", help="Only these models, as shop.product.")
        parser.add_argument("--no-encode", action="store_true", help="Leave new texts to the worker.")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        scenarios = sync_declared()
        with progress_bar(self.stdout, disable=options["json"] or options["verbosity"] == 0) as progress:
            try:
                report = sync(options["labels"], progress)
            except NotRegistered as error:
                raise CommandError(str(error)) from error
            encoded = 0 if options["no_encode"] else _encode(progress, report)
        if options["json"]:
            found = {"sources": report.as_dict(), "scenarios": scenarios, "encoded": encoded}
            self.write_json(found)
        elif options["verbosity"]:
            console_for(self.stdout).print(_table(report))
            self.stdout.write(_about_texts(report, encoded, queued=encoded is None))


def _encode(progress: Progress, report: SyncReport) -> int | None:
    """How many texts were encoded here; None when that was left to the worker."""
    if find_spec("torch") and find_spec("sentence_transformers"):
        from ...jobs import encode_items, place_new_items

        encoded = encode_items(progress=progress)
        place_new_items()
        return encoded
    if report.texts:
        send_light(encode)
    return None


def _table(report: SyncReport) -> Table:
    table = Table("source", "read", "new", "changed", "deleted", "retired")
    for label, row in report.sources.items():
        table.add_row(label, *(f"{n:,}" for n in (row.read, row.created, row.changed, row.deleted, row.retired)))
    return table


def _about_texts(report: SyncReport, encoded: int | None, queued: bool) -> str:
    if queued:
        return f"{report.texts:,} texts are left to the worker, since this host has no encoder (the extra [train])."
    return f"{encoded:,} texts encoded."
