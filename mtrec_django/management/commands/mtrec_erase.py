"""Erase somebody, with a receipt."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ... import jobs
from ...events.visitors import SESSION_KEY
from ...models.erasures import is_genuine
from ..command import MtrecCommand
from ..people import add_person, names_a_person, person, session_called


class Command(MtrecCommand):
    """`mtrec_erase --user NAME`: delete all that is stored of one visitor."""

    help = """Delete one visitor from every table: events, what was shown, ties, features, the visitor himself. The
user's account is the site's own business and stays. The next training does not begin at what he taught.

What is printed is a receipt: when, and how many rows of which table; it names nobody and is signed with SECRET_KEY.
Somebody who is erased already, or never was stored, gives a receipt of nothing.

  manage.py mtrec_erase --user ann                 a signed-in visitor
  manage.py mtrec_erase --visitor c-1234           a name of an imported history, or a visitor's key
  manage.py mtrec_erase --session SESSIONKEY       whoever a session belongs to
  manage.py mtrec_erase --verify receipt.json      whether a receipt was made here"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_person(parser)
        parser.add_argument("--verify", metavar="FILE", type=Path, help="erase nobody: check a receipt")
        parser.add_argument("--no-input", action="store_true", help="do not ask whether it is meant")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verify"]:
            self.verify(options["verify"])
            return
        if not names_a_person(options):
            raise CommandError("say whom: --user, --user-id, --visitor or --session")
        visitor = person(options)
        if not options["no_input"] and input(f"Erase {visitor} for ever? Type yes: ").strip() != "yes":
            raise CommandError("nothing was erased")
        receipt = jobs.erase(visitor).receipt()
        if options["session"]:
            session = session_called(options["session"])
            if session.pop(SESSION_KEY, None):
                session.save()
        if options["json"]:
            self.write_json(receipt)
        else:
            self.stdout.write(json.dumps(receipt, indent=2))

    def verify(self, file: Path) -> None:
        """Say whether a receipt was made here, word for word."""
        try:
            receipt = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        if not isinstance(receipt, dict) or not is_genuine(receipt):
            raise CommandError("This is no receipt of this site, or it was changed.")
        self.stdout.write("The receipt is genuine.")
