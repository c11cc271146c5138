"""What the commands have in common: a database that does not answer is said in a sentence, not in a traceback."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter
from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError, ProgrammingError

UNDEFINED_TABLE, UNDEFINED_COLUMN = "42P01", "42703"


class HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of the options, and the lines of a help text as they were written."""


class MtrecCommand(BaseCommand):
    """A command of this package. Exit code 0: done; 1: it did not work; 2: its options make no sense."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, **{"formatter_class": HelpFormatter, **kwargs})

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            hint = "Is it running, and do DATABASES or DATABASE_URL say where?"
            raise CommandError(f"The database does not answer: {str(error).strip()}\n{hint}") from error
        except ProgrammingError as error:
            if getattr(error.__cause__, "sqlstate", "") not in {UNDEFINED_TABLE, UNDEFINED_COLUMN}:
                raise
            hint = "Run manage.py migrate."
            raise CommandError(f"The tables are not those of this version: {str(error).strip()}\n{hint}") from error

    def add_json(self, parser: ArgumentParser) -> None:
        """The option `--json`."""
        parser.add_argument("--json", action="store_true", help="print one JSON value and nothing else")

    def write_json(self, value: Any) -> None:
        """Print a value as JSON."""
        self.stdout.write(json.dumps(value, cls=DjangoJSONEncoder))
