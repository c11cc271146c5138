"""Let superseded versions and old events go."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ... import jobs
from ..command import MtrecCommand
from ..progress import progress_bar


class Command(MtrecCommand):
    """`mtrec_prune`: versions that are neither live nor kept for roll back, and events past their days."""

    help = """Drop the vectors and files of superseded versions, and what dead workers left; the disk is free at once.
MTREC["KEEP_VERSIONS"] says how many stay for roll back, beside what is live.

Where MTREC["KEEP_EVENTS_DAYS"] or MTREC["KEEP_SHOWN_DAYS"] is set, events and answers older than that are deleted too,
in batches, with the guests who have none left. --dry-run says first what would go."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and leave it")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        with progress_bar(self.stdout, disable=options["json"] or options["verbosity"] == 0) as progress:
            rows = jobs.expire(dry_run=dry_run, progress=progress)
        versions = jobs.prune(dry_run=dry_run)
        if options["json"]:
            self.write_json({"versions": versions, "rows": rows, "dry_run": dry_run})
            return
        gone = [f"v{pk}" for pk in versions] + [f"{count:,} {name}" for name, count in rows.items() if count]
        words = f"{'Would drop' if dry_run else 'Dropped'} {', '.join(gone)}." if gone else "Nothing is superseded."
        self.stdout.write(words)
