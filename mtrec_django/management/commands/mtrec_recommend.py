"""A visitor's list in the terminal."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import CommandError

from ...catalog.registry import source_for
from ...exceptions import NotRegistered
from ...serving.recommender import recommend_for
from ..command import MtrecCommand
from ..people import add_person, person


class Command(MtrecCommand):
    """`mtrec_recommend SCENARIO`: what somebody would see, and why."""

    help = """Show a visitor's recommendations with scores, sources and reasons. Nothing is stored. Where nobody is
named it is the list of a guest who is new.

  manage.py mtrec_recommend home --user ann -n 5
  manage.py mtrec_recommend product --item shop.product:lamp-17"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", help="name of the scenario")
        parser.add_argument("-n", type=int, default=10, help="how many (default 10)")
        add_person(parser)
        parser.add_argument("--item", help="SOURCE:KEY of the object on the page, as in shop.product:42")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = recommend_for(person(options), options["scenario"], options["n"], item=self.item(options["item"]))
        except NotRegistered as error:
            raise CommandError(str(error)) from error
        rows = [
            {
                "position": row.recommendation.position + 1,
                "object": str(row),
                "score": round(float(row.recommendation.score), 4),
                "source": row.recommendation.source,
                "reason": str(row.recommendation.reason),
            }
            for row in answer
        ]
        if options["json"]:
            self.write_json(rows)
            return
        for row in rows:
            self.stdout.write("{position:>3}. {object}  [{source} {score}] {reason}".format(**row))
        if not rows:
            self.stdout.write("Nothing may be shown.")

    def item(self, named: str | None) -> Any:
        """The object on the page."""
        if not named:
            return None
        label, _, key = named.rpartition(":")
        try:
            source = source_for(label)
            return source.queryset().get(**{source.lookup: key})
        except (NotRegistered, ObjectDoesNotExist, ValueError) as error:
            raise CommandError(f"no object {named}: {error}") from error
