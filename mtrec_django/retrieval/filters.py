"""A site's querysets as conditions inside our queries, so that a list is never shortened afterwards.

Every condition speaks of a row called `v` that has `item_id, source, object_id, object_key, available`. The same
queryset is written in two ways, since Postgres chooses badly between them: `holds` asks for each row in turn, which
leaves the vector index in charge and suits querysets that keep much; `listed` is a semi-join, exact, and suits those
that keep little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import Model, QuerySet

from ..catalog.registry import source_for
from .statement import Fragment, compose, join, longs

YES, NO = Fragment("true"), Fragment("false")


@dataclass(frozen=True, slots=True)
class Keys:
    """The primary keys of a queryset, as SQL."""

    label: str
    select: Fragment  # of one column
    field: models.Field[Any, Any]
    fixed: bool = False  # sliced or combined: asking it row by row would run it as often
    wide: bool = False  # known to hold nearly everything, so never worth listing

    @property
    def _integer(self) -> bool:
        return isinstance(self.field, models.IntegerField)

    @property
    def holds(self) -> Fragment:
        """Whether the row is in it: a scalar subquery, which no planner turns into a join."""
        if self._integer:
            same = Fragment("s.key = v.object_key")
        elif isinstance(self.field, models.UUIDField):
            same = Fragment("s.key = v.object_id::uuid")
        elif isinstance(self.field, models.CharField):
            same = Fragment("s.key = v.object_id")
        else:
            same = Fragment("s.key::text = v.object_id")
        return compose("(select true from ({select}) as s(key) where {same} limit 1)", select=self.select, same=same)

    @property
    def holds_any(self) -> Fragment:
        """Whether the row is in it, for rows of whatever label; never null."""
        held = self.listed(by_text=True) if self.fixed else compose("{held} is not null", held=self.holds)
        # Evaluated in order, so keys of other sources are never cast to this one's type
        return compose("case when v.source = {label} then {held} else false end", label=self.label, held=held)

    def listed(self, *, by_text: bool = False) -> Fragment:
        """Whether the row is in it: a semi-join, by whichever column of `v` is indexed."""
        if self._integer and not by_text:
            return compose("v.object_key in (select s.key from ({select}) as s(key))", select=self.select)
        return compose("v.object_id in (select s.key::text from ({select}) as s(key))", select=self.select)

    def among(self, *, by_text: bool = False) -> Fragment | None:
        """The same by an array, whose rows an index gives in their order: half the time. None where no index can."""
        if self._integer and not by_text:
            return compose("v.object_key = any(array(select s.key::bigint from ({s}) as s(key)))", s=self.select)
        if not by_text and not isinstance(self.field, models.UUIDField):
            return None
        keys = compose("v.object_id = any(array(select s.key::text from ({s}) as s(key)))", s=self.select)
        return keys if by_text else join(" and ", [Fragment("v.object_key is null"), keys])

    @property
    def can_be_tried(self) -> bool:
        """Whether many keys can be asked for at once, by the index of the site's own table."""
        return not self.fixed and isinstance(self.field, models.IntegerField | models.UUIDField | models.CharField)

    def tried(self, rows: Fragment) -> Fragment:
        """Whether the row is in it, all of `rows` being asked for at once: less than half the time of each in turn.

        `v` must be these rows, a table that is there by name, and none of another label.
        """
        if self._integer:
            column, key = Fragment("object_key"), Fragment("s.key")
        else:
            column, key = Fragment("object_id"), Fragment("s.key::text")
        typed = Fragment("object_id::uuid") if isinstance(self.field, models.UUIDField) else column
        return compose(
            "v.{column} in (select {key} from ({select}) as s(key)"
            " where s.key = any(array(select {typed} from {rows})))",
            column=column,
            key=key,
            select=self.select,
            typed=typed,
            rows=rows,
        )


def keys_of(queryset: QuerySet[Any], using: str, *, wide: bool = False) -> Keys:
    """Compile a queryset to the keys it holds; `wide` where it is known to hold nearly everything.

    Raises:
        NotRegistered: when its model is no item source.
    """
    fixed = queryset.query.is_sliced or bool(queryset.query.combinator)
    plain = queryset if fixed or queryset.query.distinct_fields else queryset.order_by()
    keys = plain.values_list("pk")
    source = source_for(queryset.model)
    if queryset.db != using:  # another database: only its keys can travel
        select = compose("select unnest({keys}::text[])", keys=[str(key) for (key,) in keys])
        return Keys(source.label, select, models.TextField(), fixed=True)
    try:
        select = Fragment(*keys.query.get_compiler(using=using).as_sql())
    except EmptyResultSet:
        select = Fragment(f"select null::{_key_field(queryset.model).db_type(connections[using])} where false")
    select = Fragment(select.text, tuple(select.params))
    return Keys(source.label, select, _key_field(queryset.model), fixed=fixed, wide=wide)


def _key_field(model: type[Model]) -> models.Field[Any, Any]:
    """The field that holds the value, behind one-to-one keys of inheritance."""
    found: Any = model._meta.pk
    while found.remote_field is not None:
        found = found.target_field
    return found


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which items an answer may hold."""

    labels: tuple[str, ...] = ()  # of item sources; empty means all
    excluded: tuple[int, ...] = ()  # primary keys of items
    objects: Mapping[str, Sequence[str]] = field(default_factory=dict)  # label -> keys of objects left out as well
    keys: tuple[Keys, ...] = ()  # of the same label: all must hold
    without: tuple[Keys, ...] = ()  # none may hold
    flagged: bool = True  # whether the synced flag decides who is available

    def where(self, *, narrow: bool, by_text: bool = False) -> Fragment:
        """The condition on `v`."""
        labels = dict.fromkeys(keys.label for keys in self.keys)
        held = [self._of_label(label, narrow=narrow, by_text=by_text) for label in labels]
        hidden = [compose("not ({held})", held=keys.holds_any) for keys in self.without]
        return join(" and ", [*self._one_by_one(), *held, *hidden] or [YES])

    @property
    def can_be_tried(self) -> bool:
        """Whether `v` can be narrowed by what each row tells, and then all of its keys be asked for at once."""
        mine = all(keys.can_be_tried and (keys.label,) == self.labels for keys in self.keys)
        return bool(self.keys) and mine and not self.without

    @property
    def told(self) -> Fragment:
        """The condition on `v` by what each row tells, without asking the site's own tables."""
        return join(" and ", self._one_by_one() or [YES])

    def tried(self, rows: Fragment) -> Fragment:
        """What is left of the condition on `v`, which are `rows` that fulfil `told`, a table that is there by name."""
        return join(" and ", [keys.tried(rows) for keys in self.keys])

    def _one_by_one(self) -> list[Fragment]:
        parts = [Fragment("v.available")] if self.flagged else []
        if len(self.labels) == 1:
            parts.append(compose("v.source = {label}", label=self.labels[0]))  # equality can use the order of an index
        elif self.labels:
            parts.append(compose("v.source = any({labels}::text[])", labels=list(self.labels)))
        if self.excluded:
            parts.append(compose("v.item_id <> all({excluded}::bigint[])", excluded=longs(self.excluded)))
        for label, ids in self.objects.items():
            parts.append(
                compose("not (v.source = {label} and v.object_id = any({ids}::text[]))", label=label, ids=list(ids))
            )
        return parts

    def _of_label(self, label: str, *, narrow: bool, by_text: bool) -> Fragment:
        mine = [keys for keys in self.keys if keys.label == label]
        listed = [keys for keys in mine if keys.fixed or (narrow and not keys.wide)]
        held = [keys.holds for keys in mine if keys not in listed]
        if self.labels == (label,) and narrow:  # bare, so that an index or a join can serve
            first = listed[0].among(by_text=by_text) if listed else None
            rest = [keys.listed(by_text=by_text) for keys in (listed[1:] if first else listed)]
            return join(" and ", [*([first] if first else []), *rest, *held])
        condition = join(" and ", [*(keys.listed(by_text=by_text) for keys in listed), *held])
        # Evaluated in order, so keys of other sources are never cast to this one's type; and no planner looks inside,
        # so what is listed is hashed once
        return compose("case when v.source = {label} then {condition} else true end", label=label, condition=condition)
