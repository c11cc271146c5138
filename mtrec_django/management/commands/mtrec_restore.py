"""Bring versions out of a file."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from ... import jobs
from ...exceptions import NotPublishable
from ...inference.artifact import ArtifactError
from ...jobs.dumping import BadDump
from ..command import MtrecCommand
from ..progress import progress_bar


class Command(MtrecCommand):
    """`mtrec_restore FILE`: what `mtrec_dump` wrote, in this database."""

    help = """Bring the versions of a file that mtrec_dump wrote into this database, loaded and indexed beside what is
live. Checksums are compared before anything is written. A version that is here already is left as it is, and so is a
scenario of the same name; the others are made.

Items are found by the site's own keys, so sync the catalogue first. --publish goes on with what was live there.

  manage.py mtrec_sync
  manage.py mtrec_restore all.mtrec --publish"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="file to read")
        parser.add_argument("--publish", action="store_true", help="make live what was live where the file is from")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with progress_bar(self.stdout, disable=options["json"] or options["verbosity"] == 0) as progress:
            try:
                report = jobs.restore(options["file"], publish=options["publish"], progress=progress)
            except (OSError, BadDump, ArtifactError, NotPublishable) as error:
                raise CommandError(str(error)) from error
        if options["json"]:
            self.write_json(asdict(report))
            return
        for there, here in report.versions.items():
            words = "is here already, as" if here in report.present else "came in as"
            self.stdout.write(f"v{there} {words} v{here}.")
        if report.missing:
            self.stdout.write(f"{report.missing:,} items are not in this database; is the catalogue synced?")
        if report.published:
            self.stdout.write(f"Live in {', '.join(report.published)}.")
