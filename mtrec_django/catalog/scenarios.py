"""Scenarios declared in code, and how they meet those edited in the admin."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, router, transaction
from django.db.models import Model

from .. import models
from ..exceptions import AlreadyRegistered, NotRegistered
from ..models.locks import LOCK_SPACE, Lock
from .item_source import ItemSource
from .pinned import Pinned
from .problems import did_you_mean, problem
from .registry import source_for, sources, sources_of

_declared: dict[str, Scenario] = {}


class Scenario:
    """Declare one place where recommendations appear:

        Scenario("home", items=[Products], goal={"view": 1, "cart": 3, "purchase": 5})
        Scenario("basket", items=[Products], goal={"purchase": 1}, exclude=["purchase"], parent="home")

    `items` are item sources, models or labels (none means all), `goal` says how much each kind of event counts,
    `exclude` which events take an item off the visitor's list, `pins` which items have a fixed place. After `migrate`
    and at each `mtrec_sync` a row is written; what was changed in the admin since stays, unless the declaration itself
    changed.
    """

    def __init__(
        self,
        name: str,
        *,
        items: Sequence[type[ItemSource] | type[Model] | str] = (),
        goal: Mapping[str, float] | None = None,
        exclude: Sequence[str] = (),
        parent: str | None = None,
        title: str = "",
        pins: Sequence[Pinned] = (),
        **options: Any,
    ) -> None:
        if name in _declared:
            raise AlreadyRegistered(f"Scenario {name!r} is declared twice.")
        self.name = name
        self.items = list(items)
        self.goal = dict(goal or {})
        self.exclude = list(exclude)
        self.parent = parent
        self.title = title
        self.pins = tuple(pins)
        self.options = options
        _declared[name] = self

    def __repr__(self) -> str:
        return f"<Scenario {self.name!r}>"

    @property
    def sources(self) -> list[str]:
        """Labels of the item sources; raises NotRegistered for one that is none."""
        return list(dict.fromkeys(label for entry in self.items for label in _labels(entry)))

    def as_declared(self) -> dict[str, Any]:
        """The fields of the row, as plain JSON (a tuple becomes a list, or it would differ from its row for ever)."""
        fields = {name: getattr(self, name) for name in ("title", "sources", "goal", "exclude", "parent", "options")}
        return dict(json.loads(json.dumps(fields, cls=DjangoJSONEncoder)))

    def check(self) -> list[CheckMessage]:
        """What is wrong with this declaration, as system-check messages."""
        found = []
        if not re.fullmatch(r"[-a-zA-Z0-9_]{1,64}", self.name):
            found.append(problem("E020", f"Scenario name {self.name!r} is no slug of at most 64 signs."))
        if not all(isinstance(w, int | float) and not isinstance(w, bool) for w in self.goal.values()):
            found.append(
                problem("E021", f"{self!r} has goal {self.goal!r}.", 'A goal is like {"view": 1, "purchase": 5}.')
            )
        if self.parent is not None and (self.parent not in _declared or self.parent == self.name):
            hint = did_you_mean(self.parent, set(_declared) - {self.name})
            found.append(problem("E022", f"{self!r} has parent {self.parent!r}, which no scenario declares.", hint))
        elif _is_loop(self):
            found.append(problem("E023", f"{self!r} is its own ancestor."))
        try:
            self.as_declared()
        except NotRegistered as error:
            hint = did_you_mean(str(self.items), sources())
            found.append(problem("E024", f"{self!r} names an item source that is none: {error}", hint))
        return found + [message for pin in self.pins for message in pin.check(self)]


def declared() -> dict[str, Scenario]:
    """Every declared scenario by its name."""
    return dict(_declared)


def undeclare(name: str) -> None:
    """Forget a declaration. Its row stays."""
    if _declared.pop(name, None) is None:
        raise NotRegistered(f"No scenario {name!r} is declared.")


def sync_declared(using: str | None = None) -> list[str]:
    """Write the declarations into rows; gives the names of the rows that changed.

    Three-way: a field follows its declaration when the declaration changed since it was last written, and keeps what
    the row has otherwise. Safe to run twice at once.
    """
    using = using or router.db_for_write(models.Scenario)
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, Lock.DECLARED])
        rows = {row.name: row for row in models.Scenario.objects.using(using).select_related("parent")}
        missing = [models.Scenario(name=name) for name in _declared if name not in rows]
        rows |= {row.name: row for row in models.Scenario.objects.using(using).bulk_create(missing)}
        changed = [row.name for row in missing]
        for scenario in _declared.values():
            if _merge(rows[scenario.name], scenario, rows):
                rows[scenario.name].save(using=using)
                changed.append(scenario.name)
        forgotten = models.Scenario.objects.using(using).filter(declared__isnull=False).exclude(name__in=_declared)
        forgotten.update(declared=None)
    return list(dict.fromkeys(changed))


def _merge(row: models.Scenario, scenario: Scenario, rows: dict[str, models.Scenario]) -> bool:
    """Bring one row up to its declaration; true when anything about it changed."""
    wanted = scenario.as_declared()
    before = row.declared or {"title": "", "sources": [], "goal": {}, "exclude": [], "parent": None, "options": {}}
    for name, value in wanted.items():
        untouched = row.declared is not None or _current(row, name) == before[name]
        if value != before.get(name) and untouched:
            setattr(row, name, rows.get(value) if name == "parent" else value)
    changed = row.declared != wanted
    row.declared = wanted
    return changed


def _current(row: models.Scenario, name: str) -> Any:
    value = getattr(row, name)
    return (value.name if value else None) if name == "parent" else value


def _labels(entry: Any) -> list[str]:
    if isinstance(entry, type) and issubclass(entry, ItemSource):
        if found := sources_of(entry):
            return [source.label for source in found]
        raise NotRegistered(f"{entry.__name__} is not registered for any model.")
    return [source_for(entry).label]


def _is_loop(scenario: Scenario) -> bool:
    seen = {scenario.name}
    while scenario.parent in _declared:
        if scenario.parent in seen:
            return True
        seen.add(scenario.parent)
        scenario = _declared[scenario.parent]
    return False
