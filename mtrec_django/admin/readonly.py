"""Lists to look at: rows that the package writes and nobody edits, and tables too long to count."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connections
from django.http import HttpRequest

COUNT_LIMIT = 10_000
"""Rows a list counts at most; beyond them a filter leads further than paging would."""


class BoundedPaginator(Paginator):
    """Never counts millions of rows: a filtered list is counted up to a limit, a whole table is estimated beyond it."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted = rows.order_by()[: COUNT_LIMIT + 1].count()
        if counted <= COUNT_LIMIT or rows.query.where:
            return counted
        return max(counted, _estimate(rows.db, rows.model._meta.db_table))


def _estimate(using: str, table: str) -> int:
    """The number of rows as the database's own statistics have it."""
    with connections[using].cursor() as cursor:
        cursor.execute("select reltuples::bigint from pg_class where oid = to_regclass(%s)", [table])
        row = cursor.fetchone()
    return row[0] if row else 0


class ReadOnlyAdmin(admin.ModelAdmin):
    """Who may view may look; nobody adds, changes or deletes here."""

    found_by: Any = ""
    """What one may search for, in words."""
    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # they count the whole table

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change rows elsewhere may see them here."""
        opts = self.opts
        return request.user.has_perm(f"{opts.app_label}.view_{opts.model_name}") or request.user.has_perm(
            f"{opts.app_label}.change_{opts.model_name}"
        )
