"""What one may ask: the parameters of each operation that reads."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..serving.cursors import MAX_SEEN, unpack
from . import limits
from .acting import VisitorNameField
from .fields import PlainCharField


def valid(query: serializers.Serializer[Any]) -> dict[str, Any]:
    """What was asked.

    Raises:
        ValidationError: when it makes no sense.
    """
    query.is_valid(raise_exception=True)
    found: dict[str, Any] = query.validated_data
    return found


class RecommendQuery(serializers.Serializer[Any]):
    """What one may ask of a scenario."""

    n = serializers.IntegerField(
        min_value=1, max_value=limits.MAX_N, default=limits.DEFAULT_N, help_text=_("How many items.")
    )
    item = PlainCharField(
        required=False, max_length=255, help_text=_("What the page is about, by its model's lookup field.")
    )
    source = PlainCharField(  # type: ignore[assignment]
        required=False, max_length=100, help_text=_("Model of the item; not needed where the site has only one.")
    )
    visitor = VisitorNameField()
    cursor = serializers.RegexField(
        r"^[A-Za-z0-9_-]+$",
        required=False,
        max_length=limits.MAX_CURSOR,
        help_text=_("From `next` of the page before; its items do not come again."),
    )

    def validate_cursor(self, value: str) -> str:
        """One that the list before gave."""
        found = unpack(value)
        if found is None:
            raise serializers.ValidationError(_("This is no cursor."))
        if len(found) >= MAX_SEEN:
            raise serializers.ValidationError(_("The list has no more pages."))
        return value


class SimilarQuery(serializers.Serializer[Any]):
    """What one may ask of an item."""

    n = serializers.IntegerField(
        min_value=1, max_value=limits.MAX_N, default=limits.DEFAULT_N, help_text=_("How many items.")
    )
    scenario = serializers.SlugField(
        required=False, max_length=64, help_text=_("Whose version and models decide; without it the first that fits.")
    )


class TokenQuery(serializers.Serializer[Any]):
    """Whose token one wants."""

    visitor = VisitorNameField()


class VisitorQuery(serializers.Serializer[Any]):
    """Who is meant."""

    visitor = VisitorNameField()


class SimilarVisitorsQuery(serializers.Serializer[Any]):
    """What one may ask of a visitor."""

    n = serializers.IntegerField(
        min_value=1, max_value=limits.MAX_N, default=limits.DEFAULT_N, help_text=_("How many visitors.")
    )
    visitor = VisitorNameField()


class RankQuery(serializers.Serializer[Any]):
    """A list of the caller's own, to be put into order."""

    items = serializers.ListField(
        child=PlainCharField(max_length=255),
        min_length=1,
        max_length=limits.MAX_RANKED,
        help_text=_("By their model's lookup field, in any order."),
    )
    source = PlainCharField(  # type: ignore[assignment]
        required=False, max_length=100, default="", help_text=_("Their model; not needed where the site has only one.")
    )
    visitor = VisitorNameField()
