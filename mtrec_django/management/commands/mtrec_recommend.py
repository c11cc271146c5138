"""A visitor's list in the terminal."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError

from ...catalog.registry import source_for
from ...exceptions import NotRegistered
from ...models import Visitor
from ...serving.recommender import recommend_for


class Command(BaseCommand):
    """`mtrec_recommend SCENARIO`: what somebody would see, and why."""

    help = "Show a visitor's recommendations with scores, sources and reasons. Nothing is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", help="name of the scenario")
        parser.add_argument("-n", type=int, default=10, help="how many (default 10)")
        who = parser.add_mutually_exclusive_group()
        who.add_argument("--user", help="user name of a signed-in visitor")
        who.add_argument("--visitor", help="key or external id of a visitor; without one, a guest who is new")
        parser.add_argument("--item", help="SOURCE:KEY of the object on the page, as in shop.product:42")
        parser.add_argument("--json", action="store_true", help="print one JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = recommend_for(
                self.visitor(options), options["scenario"], options["n"], item=self.item(options["item"])
            )
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
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write("{position:>3}. {object}  [{source} {score}] {reason}".format(**row))
        if not rows:
            self.stdout.write("Nothing may be shown.")

    def visitor(self, options: dict[str, Any]) -> Visitor | None:
        """Who is meant; None for a new guest."""
        if options["user"]:
            user = (
                get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: options["user"]}).first()
            )
            if user is None:
                raise CommandError(f"no user named {options['user']}")
            return Visitor.objects.filter(user_id=user.pk).first()
        if options["visitor"]:
            found = Visitor.objects.filter(external_id=options["visitor"]).first()
            try:
                return found or Visitor.objects.get(key=options["visitor"])
            except (Visitor.DoesNotExist, ValidationError) as error:
                raise CommandError(f"no visitor {options['visitor']}") from error
        return None

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
