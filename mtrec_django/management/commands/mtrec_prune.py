"""Let superseded versions go."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ... import jobs


class Command(BaseCommand):
    """`mtrec_prune`: vectors and files of versions that are neither live nor kept for roll back."""

    help = "Drop the vectors and files of superseded versions, and what dead workers left; the disk is free at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and leave it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        gone = jobs.prune(dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps({"versions": gone, "dry_run": options["dry_run"]}))
        elif not gone:
            self.stdout.write("Nothing is superseded.")
        else:
            names = ", ".join(f"v{pk}" for pk in gone)
            self.stdout.write(f"{'Would drop' if options['dry_run'] else 'Dropped'} {names}.")
