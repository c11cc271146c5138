"""Visitors, feedback, relations and recommendations, to look at: long tables, read by their indexes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy

from ..events.pseudonyms import keys_of, names_of
from ..models import Feedback, Item, Recommendation, Relation, Visitor
from .readonly import ReadOnlyAdmin

LATEST = 50
FOUND = 200
"""Items or visitors that one search term may stand for."""


def visitors_called(term: str) -> QuerySet[Visitor]:
    """Visitors by key, external id or user name; each by its index."""
    names = get_user_model().objects.filter(**{get_user_model().USERNAME_FIELD: term})
    wanted = Q(external_id__in=names_of(term)) | Q(user__in=names.values("pk"))
    key = _uuid(term)
    return Visitor.objects.filter(wanted | Q(key__in=keys_of(key)) if key else wanted)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class CameFromFilter(admin.SimpleListFilter):
    """Whether an event came from a recommendation; the first choice has an index of its own."""

    title = gettext_lazy("where it came from")
    parameter_name = "recommended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("A recommendation")), ("no", gettext_lazy("Elsewhere"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(recommendation__isnull=self.value() == "no")


class SignedInFilter(admin.SimpleListFilter):
    """Users and guests."""

    title = gettext_lazy("who")
    parameter_name = "signed_in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("Users")), ("no", gettext_lazy("Guests"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(user__isnull=self.value() == "no")


@admin.register(Visitor)
class VisitorAdmin(ReadOnlyAdmin):
    """Signed-in users and guests."""

    list_display = ["name", "user", "external_id", "created_at"]
    list_filter = [SignedInFilter]
    list_select_related = ["user"]
    search_fields = ["external_id"]
    found_by = gettext_lazy("A user name, an external id or a key, written in full.")
    ordering = ["-pk"]
    fields = ["key", "user", "external_id", "features", "created_at", "latest"]
    readonly_fields = ["key", "latest"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Visitor]:
        return super().get_queryset(request).select_related("user")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=visitors_called(term).values("pk")), False) if term else (queryset, False)

    @admin.display(description=gettext_lazy("visitor"), ordering="pk")
    def name(self, visitor: Visitor) -> str:
        return str(visitor)

    @admin.display(description=gettext_lazy("latest feedback"))
    def latest(self, visitor: Visitor) -> str:
        events = visitor.feedback.select_related("item").defer("item__text").order_by("-time")[:LATEST]
        rows = ((timezone.localtime(event.time), event.kind, event.item.pk, event.item) for event in events)
        lines = format_html_join(
            "",
            '<li>{} · {} · <a href="{}">{}</a></li>',
            (
                (f"{time:%Y-%m-%d %H:%M}", kind, reverse("admin:mtrec_item_change", args=[pk]), item)
                for time, kind, pk, item in rows
            ),
        )
        return format_html('<ol class="mtrec-events">{}</ol>', lines) if lines else "–"


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyAdmin):
    """Events, newest first."""

    list_display = ["time", "kind", "item", "visitor", "value", "scenario", "recommended"]
    list_filter = ["time", CameFromFilter]
    list_select_related = ["item", "visitor", "scenario"]
    search_fields = ["kind"]
    found_by = gettext_lazy("A visitor (user name, external id, key) or an item (object id), written in full.")
    ordering = ["-time"]
    raw_id_fields = ["visitor", "item", "scenario"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        return super().get_queryset(request).defer("item__text")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        visitors = list(visitors_called(term).values_list("pk", flat=True)[:FOUND])
        items = list(Item.objects.filter(object_id=term).values_list("pk", flat=True)[:FOUND])
        return queryset.filter(Q(visitor__in=visitors) | Q(item__in=items)), False

    @admin.display(description=gettext_lazy("recommended"), boolean=True)
    def recommended(self, event: Feedback) -> bool:
        return event.recommendation is not None


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyAdmin):
    """Answers, newest first: what was shown, and where each item came from."""

    list_display = ["created_at", "scenario", "visitor", "version", "size", "came_from"]
    list_filter = ["scenario", "created_at"]
    list_select_related = ["scenario", "visitor", "version__scenario"]
    search_fields = ["id"]
    found_by = gettext_lazy("The id of an answer, or a visitor, written in full.")
    ordering = ["-created_at"]
    fields = ["id", "created_at", "scenario", "visitor", "version", "context", "arm", "shown"]
    readonly_fields = ["id", "shown"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        visitors = list(visitors_called(term).values_list("pk", flat=True)[:FOUND])
        wanted = Q(visitor__in=visitors)
        key = _uuid(term)
        return queryset.filter(wanted | Q(pk=key) if key else wanted), False

    @admin.display(description=gettext_lazy("items"))
    def size(self, answer: Recommendation) -> int:
        return len(answer.items)

    @admin.display(description=gettext_lazy("sources"))
    def came_from(self, answer: Recommendation) -> str:
        return ", ".join(dict.fromkeys(answer.sources))

    @admin.display(description=gettext_lazy("shown"))
    def shown(self, answer: Recommendation) -> str:
        items = Item.objects.defer("text").in_bulk(answer.items)
        lines = format_html_join(
            "",
            '<li><a href="{}">{}</a> · {} · {}</li>',
            (
                (reverse("admin:mtrec_item_change", args=[pk]), items.get(pk, f"#{pk}"), source, f"{score:.3f}")
                for pk, source, score in zip(answer.items, answer.sources, answer.scores, strict=False)
            ),
        )
        return format_html('<ol class="mtrec-events">{}</ol>', lines) if lines else "–"


@admin.register(Relation)
class RelationAdmin(ReadOnlyAdmin):
    """Friends, follows, trust."""

    list_display = ["visitor", "kind", "other", "weight"]
    list_select_related = ["visitor", "other"]
    ordering = ["-pk"]
    raw_id_fields = ["visitor", "other"]
