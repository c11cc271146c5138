"""What goes in and out."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..events.validation import KIND
from .acting import VisitorNameField
from .fields import FiniteFloatField, PlainCharField


class ScenarioSerializer(serializers.Serializer[Any]):
    """A place where recommendations appear."""

    name = serializers.SlugField(read_only=True)
    title = serializers.CharField(read_only=True, help_text=_("Heading of the list."))
    sources = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text=_("Models shown here; empty means all.")
    )


class RecommendedItemSerializer(serializers.Serializer[Any]):
    """One recommended object."""

    source = serializers.CharField(help_text=_("Label of its model."))  # type: ignore[assignment]
    id = serializers.CharField(help_text=_("Primary key, as text."))
    lookup = serializers.CharField(help_text=_("What the API calls it."))
    title = serializers.CharField()
    url = serializers.CharField(help_text=_("Its page; empty when it has none."))
    click_url = serializers.CharField(help_text=_("A link to its page that records the click."))
    image = serializers.CharField(help_text=_("Empty when it has none."))
    categories = serializers.ListField(child=serializers.CharField())
    position = serializers.IntegerField(help_text=_("From 0."))
    score = serializers.FloatField(help_text=_("Comparable within one answer only."))
    candidate_source = serializers.CharField(
        help_text=_("What found it: personal, together, popular, trending, new, …")
    )
    reason = serializers.CharField(help_text=_("Why it is shown, in the visitor's language."))
    because = serializers.CharField(help_text=_("The item of the visitor's history the reason speaks of; or empty."))


class AnswerSerializer(serializers.Serializer[Any]):
    """A list of recommendations."""

    id = serializers.UUIDField(help_text=_("Send it as `recommendation` with events that come from this list."))
    scenario = serializers.CharField(help_text=_("Empty where none was asked."))
    title = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text=_("The model version; null for the fallback."))
    short = serializers.BooleanField(help_text=_("Fewer items were allowed than asked for."))
    next = serializers.URLField(allow_null=True, help_text=_("The next page, without repeats."))
    items = RecommendedItemSerializer(many=True)


class RankedSerializer(AnswerSerializer):
    """The caller's list in its new order."""

    left_out = serializers.ListField(
        child=serializers.CharField(),
        help_text=_("What of the list is not in the answer: unknown, not to be had, or taken off by the scenario."),
    )


class FeedbackSerializer(serializers.Serializer[Any]):
    """One event of whoever sends it."""

    visitor = VisitorNameField()
    kind = serializers.RegexField(
        f"^{KIND.pattern}$", max_length=32, help_text=_("view, cart, purchase, rating, like, dislike, share, …")
    )
    item = PlainCharField(max_length=255, help_text=_("By its model's lookup field."))
    source = PlainCharField(  # type: ignore[assignment]
        required=False,
        max_length=100,
        default="",
        help_text=_("Label of its model; not needed where the site has only one."),
    )
    value = FiniteFloatField(
        required=False, allow_null=True, default=None, help_text=_("A rating, a quantity, an amount.")
    )
    time = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text=_("When it happened; now, when left out.")
    )
    scenario = PlainCharField(
        required=False, allow_null=True, default=None, max_length=64, help_text=_("Where it happened.")
    )
    recommendation = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text=_("The answer it came from.")
    )
    basket = PlainCharField(
        required=False, default="", allow_blank=True, max_length=64, help_text=_("One order, one visit.")
    )
    key = PlainCharField(
        required=False,
        allow_null=True,
        default=None,
        max_length=255,
        help_text=_("The same event sent twice with one key counts once."),
    )


class BatchSerializer(serializers.Serializer[Any]):
    """Events with a visitor token beside them, for beacons, which cannot set a header."""

    token = serializers.CharField(required=False, help_text=_("A signed visitor token."))
    events = FeedbackSerializer(many=True)


class FeedbackResultSerializer(serializers.Serializer[Any]):
    """What became of one event."""

    index = serializers.IntegerField(help_text=_("Its place in the request, from 0."))
    status = serializers.ChoiceField(
        choices=["stored", "repeated", "ignored", "rejected"],
        help_text=_("Repeated: an event with this key is stored already. Ignored: no consent."),
    )
    detail = serializers.CharField(required=False, help_text=_("Why it was rejected."))
    errors = serializers.DictField(required=False, help_text=_("The same by field."))  # type: ignore[assignment]


class FeedbackAnswerSerializer(serializers.Serializer[Any]):
    """What became of the events of a request."""

    stored = serializers.IntegerField()
    repeated = serializers.IntegerField()
    ignored = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = FeedbackResultSerializer(many=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = serializers.DictField(required=False, help_text=_("By field."))  # type: ignore[assignment]


class TokenSerializer(serializers.Serializer[Any]):
    """A signed visitor token."""

    token = serializers.CharField(help_text=_("Send it as `Authorization: Visitor <token>`."))
    max_age = serializers.IntegerField(help_text=_("Seconds for which it is good."))


class NeighbourSerializer(serializers.Serializer[Any]):
    """A visitor like another."""

    visitor = serializers.CharField(
        help_text=_("To a server a name that it can use; to anybody else a word that means nothing elsewhere.")
    )
    shared = serializers.IntegerField(help_text=_("Items that both met of late."))
    likeness = serializers.FloatField(help_text=_("Comparable within one answer only."))


class NeighboursSerializer(serializers.Serializer[Any]):
    """Visitors like another, the most alike first."""

    visitors = NeighbourSerializer(many=True)


class ExportSerializer(serializers.Serializer[Any]):
    """All that is stored of a visitor."""

    visitor = serializers.DictField(
        allow_null=True, help_text=_("User, external id, features and when first seen; null for nobody.")
    )
    feedback = serializers.ListField(child=serializers.DictField(), help_text=_("What the visitor did, oldest first."))
    recommendations = serializers.ListField(child=serializers.DictField(), help_text=_("What was shown."))
    relations = serializers.ListField(child=serializers.DictField(), help_text=_("Ties, without the others' names."))


class ReceiptSerializer(serializers.Serializer[Any]):
    """That somebody was erased, and nothing of whom."""

    id = serializers.UUIDField()
    erased_at = serializers.DateTimeField()
    rows = serializers.DictField(child=serializers.IntegerField(), help_text=_("Rows by table; empty for nothing."))
    signature = serializers.CharField(help_text=_("By which this site knows its own receipts."))
