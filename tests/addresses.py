"""Every address of the package, from the URL configuration itself, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.urls import get_resolver
from django.urls.resolvers import URLPattern


def addresses(resolver: Any = None, namespaces: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    """Each named pattern of the site with its full name, as `admin:mtrec_train`."""
    for found in (resolver or get_resolver()).url_patterns:
        if isinstance(found, URLPattern):
            if found.name:
                yield ":".join([*namespaces, found.name]), found
        else:
            yield from addresses(found, (*namespaces, found.namespace) if found.namespace else namespaces)


def arguments(pattern: URLPattern) -> list[str]:
    """Names of what the address takes."""
    return list(pattern.pattern.regex.groupindex)


def trace() -> dict[str, str]:
    """What every table of the package holds: any row written, changed or deleted makes it another."""
    tables = [name for name in connection.introspection.table_names() if name.startswith("mtrec_")]
    rows = (f"select '{name}', md5(string_agg(t::text, '' order by t::text)) from {name} as t" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(rows))
        return dict(cursor.fetchall())
