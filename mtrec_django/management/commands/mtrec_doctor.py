"""Look at a running installation."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from ..command import MtrecCommand
from ..doctor import Finding, examine

SIGNS = {"ok": "ok     ", "warning": "warning", "error": "error  "}


class Command(MtrecCommand):
    """`mtrec_doctor`: what is wrong, and how it is mended."""

    help = """Look at a running installation: the extension, migrations, live versions and their files, whether searches
use the vector index, items without vectors, runs and workers, the clock, memory for the next training, leftover tables.
Each that is not well says how to mend it. Run it on every host: clock, memory and broker are seen from there.

Exit code 0: nothing is broken; 1: an error, or with --fail-on warning a warning."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fail-on", choices=["error", "warning"], default="error", help="what ends with code 1")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(examine())
        if options["json"]:
            self.write_json([asdict(finding) for finding in found])
        else:
            for finding in found:
                self.tell(finding)
        bad = {"error"} if options["fail_on"] == "error" else {"error", "warning"}
        if count := sum(finding.level in bad for finding in found):
            raise CommandError(f"{count} of {len(found)} need attention.")

    def tell(self, finding: Finding) -> None:
        """One line, and a second on how to mend it."""
        style = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "error": self.style.ERROR}[finding.level]
        self.stdout.write(f"{style(SIGNS[finding.level])}  {finding.name}: {finding.text}")
        if finding.mend:
            self.stdout.write(f"         {finding.mend}")
