"""Write out a dataset folder, all that is stored of one visitor, or the online figures."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ... import jobs
from ...jobs.figures import figures_csv
from ...models import Item
from ..command import MtrecCommand
from ..people import add_person, names_a_person, person
from ..progress import progress_bar


class Command(MtrecCommand):
    """`mtrec_export DIR`, `mtrec_export --user NAME`, or `mtrec_export --metrics`."""

    help = """Write events, items, visitors and ties as gzipped CSV files that mtrec_import reads again, or print all
that is stored of one visitor as JSON.

  manage.py mtrec_export backup --source shop.product    one source's events into the folder "backup"
  manage.py mtrec_import backup --source shop.product    …and back, into another database
  manage.py mtrec_export --user ann                      what is known of a visitor, for the visitor
  manage.py mtrec_export --visitor c-1234 --output c.json
  manage.py mtrec_export --metrics --output online.csv   click-through, conversions and revenue by day"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", metavar="DIR", type=Path, help="folder to write into")
        parser.add_argument("--source", metavar="LABEL", help="whose items' events; needed where there are several")
        add_person(parser)
        parser.add_argument("--metrics", action="store_true", help="the online figures by day, as CSV")
        parser.add_argument("--output", metavar="FILE", type=Path, help="write the JSON or the CSV there")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if [bool(options["folder"]), names_a_person(options), options["metrics"]].count(True) != 1:
            raise CommandError("Name a folder, or somebody by --user, --user-id, --visitor or --session, or --metrics.")
        write = self.write_metrics if options["metrics"] else self.write_person
        try:
            self.write_folder(options) if options["folder"] else write(options)
        except OSError as error:
            raise CommandError(f"cannot be written: {error}") from error

    def write_folder(self, options: dict[str, Any]) -> None:
        """A dataset folder, and how many rows each file has."""
        source = self.source(options["source"])
        with progress_bar(self.stdout, disable=options["json"] or options["verbosity"] == 0) as progress:
            rows = jobs.export_folder(options["folder"], source, progress)
        if options["json"]:
            self.write_json({"source": source, "rows": rows})
        elif options["verbosity"]:
            counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
            self.stdout.write(f"{options['folder']}: {counts} of {source}.")

    def write_metrics(self, options: dict[str, Any]) -> None:
        """What came of what was shown, by day, scenario, version and arm."""
        if options["output"]:
            with options["output"].open("w", newline="", encoding="utf-8") as file:
                file.writelines(figures_csv())
        else:
            self.stdout.writelines(figures_csv())

    def write_person(self, options: dict[str, Any]) -> None:
        """One visitor's data."""
        told = json.dumps(jobs.export_visitor(person(options)), indent=None if options["json"] else 2)
        if options["output"]:
            options["output"].write_text(told + "\n")
        else:
            self.stdout.write(told)

    def source(self, label: str | None) -> str:
        """The label that is meant; the only one there is, where none is given."""
        known = sorted(Item.objects.order_by().values_list("source", flat=True).distinct())
        if label is None and len(known) != 1:
            raise CommandError(f"Name one of the sources with --source: {', '.join(known) or 'there is none yet'}.")
        chosen = (label or known[0]).lower()
        if chosen not in known:
            raise CommandError(f"There are no items of {chosen}; there are: {', '.join(known)}.")
        return chosen
