"""Bring visitors' names under the newest secret."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ...conf import get_config
from ...events.pseudonyms import lost, rekey
from ..command import MtrecCommand


class Command(MtrecCommand):
    """`mtrec_rekey`: after a new secret was put in front of `MTREC["VISITOR_KEYS"]`."""

    help = """Store guests' keys and imported names under the newest secret of MTREC["VISITOR_KEYS"].

To change the secret, put a new one in front and leave the older ones where they are: visitors go on being found, and
this command (or the nightly mtrec.prune) brings them under the new one. From then on the older secrets tell nobody
anything, but the way from a name to its place leads through them, so they stay on the list."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not get_config().VISITOR_KEYS:
            raise CommandError('MTREC["VISITOR_KEYS"] is empty: names are stored as they are.')
        changed, missed = rekey(), lost().count()
        if options["json"]:
            self.write_json({"rekeyed": changed, "lost": missed})
        else:
            self.stdout.write(f"{changed:,} visitors were brought under the newest secret.")
        if missed:
            raise CommandError(
                f"{missed:,} visitors are stored under a secret that is on the list no more; put it back."
            )
