"""Items, to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from ..models import Item
from .readonly import ReadOnlyAdmin


@admin.register(Item)
class ItemAdmin(ReadOnlyAdmin):
    """The catalogue as the recommender knows it; a sync writes it."""

    list_display = ["title_or_id", "category_words", "available", "source", "object_id"]
    list_filter = ["available", "source"]
    search_fields = ["title"]
    found_by = gettext_lazy("Words of the title, or an object id.")
    ordering = ["-pk"]
    fields = [
        ("source", "object_id", "available"),
        "title",
        "picture",
        "text",
        "categories",
        "numbers",
        ("created_at", "updated_at"),
    ]
    readonly_fields = ["picture"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Item]:
        return super().get_queryset(request).defer("text")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        if not term:
            return found, duplicates
        return queryset.filter(Q(pk__in=found.values("pk")) | Q(object_id=term)), duplicates

    @admin.display(description=gettext_lazy("title"), ordering="title")
    def title_or_id(self, item: Item) -> str:
        return str(item)

    @admin.display(description=gettext_lazy("categories"))
    def category_words(self, item: Item) -> str:
        labels = [str(label) for labels in item.categories.values() for label in labels]
        return ", ".join(labels[:4]) or "–"

    @admin.display(description=gettext_lazy("image"))
    def picture(self, item: Item) -> str:
        return format_html('<img src="{}" alt="" class="mtrec-picture">', item.image) if item.image else "–"
