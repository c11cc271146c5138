"""What can be wrong with an item source, said before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage
from django.db import DatabaseError
from django.db.models import CharField, FileField, QuerySet, TextField, UUIDField

from .paths import BadPath, resolve
from .problems import did_you_mean, problem

if TYPE_CHECKING:
    from .item_source import Entry, ItemSource

_NO_NUMBERS = (CharField, FileField, TextField, UUIDField)


def check_source(source: ItemSource) -> list[CheckMessage]:
    """All messages of one source."""
    if messages := _check_types(source):
        return messages
    found = [message for name, entry in source.entries() for message in _check_entry(source, name, entry)]
    if not source.entries():
        found.append(
            problem("W010", f"{_name(source)} describes nothing.", "Give it text, categories or numbers.", source.model)
        )
    elif not source.text:
        found.append(
            problem(
                "W011",
                f"{_name(source)} has no text.",
                "Text is what carries new items and new scenarios.",
                source.model,
            )
        )
    return found + _check_collections(source) + _check_lookup(source) + _check_querysets(source)


def _check_types(source: ItemSource) -> list[CheckMessage]:
    messages = []
    for name in ("text", "categories", "numbers"):
        value = getattr(source, name)
        if not isinstance(value, list | tuple) or not all(isinstance(entry, str) or callable(entry) for entry in value):
            message = f"{_name(source)}.{name} is {value!r}, not a list of paths or callables."
            hint = f"Write {name} = [{value!r}]." if isinstance(value, str) else ""
            messages.append(problem("E011", message, hint, source.model))
    if not isinstance(source.collections, list | tuple) or not all(isinstance(n, str) for n in source.collections):
        message = f"{_name(source)}.collections is {source.collections!r}, not a list of names of methods."
        messages.append(problem("E011", message, "", source.model))
    for name in ("image", "title"):
        value = getattr(source, name)
        if not (value is None or isinstance(value, str) or callable(value)):
            message = f"{_name(source)}.{name} is {value!r}, not one path or callable."
            messages.append(problem("E011", message, "", source.model))
    if not isinstance(source.lookup, str):
        message = f"{_name(source)}.lookup is {source.lookup!r}, not the name of a field."
        messages.append(problem("E011", message, "", source.model))
    return messages


def _check_entry(source: ItemSource, name: str, entry: Entry) -> list[CheckMessage]:
    if not isinstance(entry, str) or source.method(entry) is not None:
        return []
    try:
        path = resolve(source.model, entry)
    except BadPath as error:
        queryset = _ask(source.queryset)
        if queryset is not None and entry.split("__")[0] in queryset.query.annotations:
            return []
        own = (
            [method for method in vars(type(source)) if not method.startswith("_")]
            if error.model is source.model
            else []
        )
        hint = did_you_mean(error.part, [*error.choices, *own])
        return [problem("E010", f"{_name(source)}.{name} names {error}", hint, source.model)]
    if name == "numbers" and isinstance(path.leaf, _NO_NUMBERS):
        kind = type(path.leaf).__name__
        message = f"{_name(source)}.numbers names {entry!r}, which is a {kind}."
        return [
            problem("W012", message, "Only what reads as a number counts; labels belong in categories.", source.model)
        ]
    return []


def _check_collections(source: ItemSource) -> list[CheckMessage]:
    own = [name for name in vars(type(source)) if not name.startswith("_")]
    return [
        problem(
            "E015",
            f"{_name(source)}.collections names {name!r}, which is no method of the source's own.",
            did_you_mean(name, own),
            source.model,
        )
        for name in source.collections
        if not source.defines(name)
    ]


def _check_lookup(source: ItemSource) -> list[CheckMessage]:
    if source.lookup == "pk":
        return []
    try:
        path = resolve(source.model, source.lookup)
    except BadPath as error:
        message = f"{_name(source)}.lookup names {error}"
        return [problem("E012", message, did_you_mean(error.part, error.choices), source.model)]
    if path.leaf is None or not getattr(path.leaf, "concrete", False):
        message = f"{_name(source)}.lookup is {source.lookup!r}, which is no column."
        return [problem("E012", message, "Name a field by which the database can find an object.", source.model)]
    if not path.leaf.unique and "__" not in source.lookup:
        message = f"{_name(source)}.lookup is {source.lookup!r}, which is not unique."
        return [problem("W013", message, "Where several objects share a value, the first is taken.", source.model)]
    return []


def _check_querysets(source: ItemSource) -> list[CheckMessage]:
    """All must take a further filter: answers push theirs into the query, a sync reads in chunks."""
    messages = []
    collections = [getattr(source, name) for name in source.collections if source.defines(name)]
    for method in (source.queryset, source.available, *collections):
        queryset = _ask(method)
        if queryset is None:
            continue
        where = f"{_name(source)}.{method.__name__}()"
        if (
            not isinstance(queryset, QuerySet)
            or queryset.model._meta.concrete_model is not source.model._meta.concrete_model
        ):
            message = f"{where} gives {type(queryset).__name__}, not a queryset of {source.model._meta.label}."
            messages.append(problem("E013", message, "", source.model))
        elif queryset.query.is_sliced or queryset.query.combinator:
            hint = "Filter on a subquery of primary keys instead of a slice or a union."
            messages.append(
                problem("E014", f"{where} is sliced or combined and takes no further filter.", hint, source.model)
            )
    return messages


def _ask(method: Callable[[], Any]) -> Any:
    """The site's queryset; None where it needs tables that are not there yet: checks run before the first migrate."""
    try:
        return method()
    except DatabaseError:
        return None


def _name(source: ItemSource) -> str:
    return type(source).__name__
