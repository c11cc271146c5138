"""A path such as "brand__name" resolved against a model: the attributes it follows, what must be fetched for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import JSONField, Manager, Model, QuerySet


class BadPath(LookupError):
    """A path that leads nowhere: `part` is not known to `model`, or stands behind a plain field."""

    def __init__(self, path: str, part: str, model: type[Model], *, behind: str = "") -> None:
        self.path, self.part, self.model, self.behind = path, part, model, behind
        where = (
            f"{behind!r} of {model._meta.label} is no relation" if behind else f"{model._meta.label} has no {part!r}"
        )
        super().__init__(f"{path!r}: {where}.")

    @property
    def choices(self) -> list[str]:
        """What the model does have, for a hint."""
        return [] if self.behind else [field.name for field in self.model._meta.get_fields()]


@dataclass(frozen=True, slots=True)
class Path:
    """A path that leads somewhere."""

    name: str
    steps: tuple[str, ...]  # attribute names
    select: str = ""  # for select_related
    prefetch: str = ""  # for prefetch_related
    leaf: Any = None  # the model field it ends at, where it ends at one


def resolve(model: type[Model], name: str) -> Path:
    """Follow a path through relations; raises BadPath where it leaves the model."""
    steps: list[str] = []
    relations = 0
    many = False  # whether select_related cannot follow it
    current: type[Model] | None = model
    behind, leaf = "", None
    for part in name.split("__"):
        if current is None:  # inside JSON, or behind a property: only known when there is a value
            steps.append(part)
            leaf = None
            continue
        if behind:
            raise BadPath(name, part, current, behind=behind)
        leaf = find_field(current, part)
        if leaf is None and not hasattr(current, part):
            raise BadPath(name, part, current)
        if leaf is not None and _is_relation(leaf, part):
            many |= bool(leaf.one_to_many or leaf.many_to_many or leaf.related_model is None)
            relations += 1
            current = leaf.related_model
            steps.append(leaf.get_accessor_name() if leaf.auto_created and not leaf.concrete else leaf.name)
            continue
        steps.append(part)
        if leaf is None or isinstance(leaf, JSONField):
            current = None
        else:
            behind = part
    prefix = "__".join(steps[:relations])
    return Path(name, tuple(steps), "" if many else prefix, prefix if many else "", leaf)


def find_field(model: type[Model], name: str) -> Any:
    """The model's field of this name, forward or reverse, or None."""
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _is_relation(field: Any, part: str) -> bool:
    """Whether a part follows a relation; "brand_id" is a plain value though its field is one."""
    return bool(field.is_relation) and (part == field.name or getattr(field, "attname", None) != part)


def values(obj: Any, steps: tuple[str, ...]) -> list[Any]:
    """What a path gives for one object: any number of values, none where something on the way is missing."""
    found = [obj]
    for step in steps:
        found = [value for each in found for value in flatten(_follow(each, step))]
    return found


def _follow(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    try:
        return getattr(value, step)
    except ObjectDoesNotExist:  # the other side of a one-to-one is not there
        return None


def flatten(value: Any) -> Iterator[Any]:
    """One value or several as several; nothing for None."""
    if isinstance(value, Manager):
        yield from value.all()
    elif callable(value):
        yield from flatten(value())
    elif isinstance(value, list | tuple | set | frozenset | QuerySet):
        yield from (each for each in value if each is not None)
    elif value is not None:
        yield value
