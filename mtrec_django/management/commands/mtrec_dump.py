"""Write versions into a file."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ... import jobs
from ...inference.artifact import ArtifactError
from ...models import ModelVersion
from ..command import MtrecCommand
from ..progress import progress_bar


class Command(MtrecCommand):
    """`mtrec_dump FILE`: versions with their vectors, and the settings of the scenarios."""

    help = """Write versions into one file: what they learned, their item vectors, and the settings of the scenarios.
The file is a zip of JSON and safetensors, with a checksum of each part; mtrec_restore brings it into any database that
has the same objects. It holds nothing of a visitor.

  manage.py mtrec_dump all.mtrec                 every version that is ready
  manage.py mtrec_dump v7.mtrec -V 7           one; a transfer takes its base along"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="file to write")
        parser.add_argument("--version-id", "-V", type=int, metavar="N", help="number of one version")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        version = None
        if options["version_id"] is not None:
            version = ModelVersion.objects.filter(pk=options["version_id"]).first()
            if version is None:
                raise CommandError(f"there is no version {options['version_id']}")
        with progress_bar(self.stdout, disable=options["json"] or options["verbosity"] == 0) as progress:
            try:
                manifest = jobs.dump(options["file"], version, progress)
            except (OSError, LookupError, ArtifactError) as error:
                raise CommandError(str(error)) from error
        numbers = [told["number"] for told in manifest["versions"]]
        if options["json"]:
            self.write_json({"versions": numbers, "scenarios": [place["name"] for place in manifest["scenarios"]]})
        elif options["verbosity"]:
            self.stdout.write(f"{options['file']}: {', '.join(f'v{number}' for number in numbers)}.")
