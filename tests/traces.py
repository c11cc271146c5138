"""Whether anything is left of somebody, in any column of any table."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

_TABLES = """
select table_name from information_schema.tables
where table_schema = current_schema() and table_type = 'BASE TABLE' order by table_name
"""
_COLUMNS = """
select column_name, data_type from information_schema.columns
where table_schema = current_schema() and table_name = %s order by ordinal_position
"""


def traces(words: Iterable[str]) -> set[str]:
    """`table.column` of every place where one of the words stands: in text, JSON, arrays, vectors, or inside bytes."""
    found: set[str] = set()
    patterns = [word.encode() for word in words]
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(_COLUMNS, [table])
            for column, kind in cursor.fetchall():
                cell = f'"{column}"' if kind == "bytea" else f"convert_to(\"{column}\"::text, 'UTF8')"
                cursor.execute(
                    f'select exists (select from "{table}", unnest(%s::bytea[]) as word'
                    f" where position(word in {cell}) > 0)",
                    [patterns],
                )
                if cursor.fetchone()[0]:
                    found.add(f"{table}.{column}")
    return found
