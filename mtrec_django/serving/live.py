"""What is live, as this process knows it: scenarios, and the versions that serve them.

One immutable state is swapped for the next, so an answer that holds one never mixes two. Looking for news is one small
statement that rides along with the first query of an answer, at most every `MTREC["VERSION_POLL_SECONDS"]`.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from django.core.signals import setting_changed
from django.db import OperationalError, ProgrammingError, transaction
from django.db.models.signals import post_delete, post_save

from ..catalog.registry import sources
from ..conf import DIM, get_config
from ..dataset import NEGATIVE_KINDS
from ..exceptions import NotRegistered
from ..inference.artifact import Artifact, ArtifactError, joined
from ..inference.blend import TEXT, Blend
from ..inference.polarity import LOW
from ..inference.query import QueryEncoder
from ..models import Arm, Experiment, ModelVersion, Pin, Scenario, VersionFile
from ..retrieval import store
from ..retrieval.counts import Counts, read_counts
from ..retrieval.policy import Place, Policy, option_problems, read_options
from ..retrieval.selectivity import Sample
from ..retrieval.statement import Fragment, Rows, compose, read
from ..signals import version_published
from .complaints import complain
from .pinning import pins, places
from .splitting import OPEN, Split, Trial

_COLUMNS = ("id", "name", "title", "enabled", "sources", "goal", "exclude", "options", "counted_at", "live_version_id")
_JSON = ("sources", "goal", "exclude", "options")


def asked() -> Fragment:
    """All there is to know whether anything changed."""
    return compose(
        "select {columns}, {pins}, {experiment} from mtrec_scenario order by name",
        columns=Fragment(", ".join(f"{name}::text" if name in _JSON else name for name in _COLUMNS)),
        pins=pins(),
        experiment=OPEN,
    )


SAMPLED_ROWS = 5000
RETRY_SECONDS = 30.0
SERVED = ("query.", "delta.")
"""The arrays of an artifact that a query is computed with; the rest is for training and would only fill memory."""


@dataclass(frozen=True, slots=True)
class Base:
    """What all scenarios of one base version share."""

    id: int
    artifact: Artifact
    items: int = 0
    sample: dict[str, Sample] = field(default_factory=dict)  # by label
    available: float = 1.0  # share of the items that are
    lists: int = 0  # in which their vectors are


@dataclass(frozen=True, slots=True)
class Live:
    """One scenario as it is served; without a base it is served from counts."""

    scenario: Scenario
    version_id: int | None = None
    base: Base | None = None
    encoder: QueryEncoder | None = None
    blend: Blend | None = None
    policy: Policy = field(default_factory=Policy)
    """Candidate sources and rules, unless a call or an experiment changes them."""
    counts: Counts = field(default_factory=Counts)
    arm: str = ""
    """The arm of an experiment that this is."""
    split: Split | None = None
    arms: Mapping[str, Live] = field(default_factory=dict)

    def of(self, identity: str) -> Live:
        """As it is served to one visitor: in his arm where an experiment is running, else as it is."""
        return self.arms.get(self.split.arm_of(identity), self) if self.split and identity else self

    @property
    def failed(self) -> bool:
        """Whether it should have a version and has none, itself or an arm of it."""
        missing = self.scenario.live_version_id is not None and self.base is None
        return missing or (self.split is not None and len(self.arms) < len(self.split.trials))

    @property
    def labels(self) -> tuple[str, ...]:
        """The item sources it shows, of those that are registered."""
        wanted = self.scenario.sources
        return tuple(label for label in sources() if not wanted or label in wanted)

    @property
    def worth(self) -> dict[str, float]:
        """What an event of each kind is worth, of those that are wanted."""
        goal = self.scenario.goal
        return {kind: float(weight) for kind, weight in goal.items() if isinstance(weight, int | float) and weight > 0}

    @property
    def exclude(self) -> list[str]:
        """Kinds of events that take an item off the visitor's list: as the scenario says, what says no, and what it
        wants, where it was measured that nobody wants it twice."""
        said = {kind for kind in self.scenario.exclude if isinstance(kind, str)}
        weights = {kind: weight for kind, weight in self.scenario.goal.items() if isinstance(weight, int | float)}
        wanted = {kind for kind, weight in weights.items() if weight > 0}
        kinds = said | NEGATIVE_KINDS | {kind for kind, weight in weights.items() if weight < 0}
        repeats = self.scenario.repeats
        if not said & wanted and (self._measured("repeats") if repeats is None else repeats) is False:
            kinds |= wanted
        return sorted(kinds)

    @property
    def low(self) -> Mapping[str, float]:
        """Kind -> up to which value the version hears a no."""
        return self.base.artifact.config.get("low", {}) if self.base else {}

    @property
    def refused(self) -> Mapping[str, float]:
        """The same of those kinds whose low values count for nothing in any goal."""
        against = self.base.artifact.config.get("against", ()) if self.base else ()
        return {kind: bound for kind, bound in self.low.items() if kind + LOW in against}

    @property
    def width(self) -> int:
        """Bytes of what is written on an item, where the blend compares it; else 0."""
        compares = self.base is not None and self.blend is not None and bool(self.blend.weights.get(TEXT))
        return int(self.base.artifact.config.get("texts", 0)) if self.base and compares else 0

    def _measured(self, name: str) -> Any:
        """What the version found out about this scenario."""
        goals = self.base.artifact.config.get("goals", ()) if self.base else ()
        return next((goal.get(name) for goal in goals if goal["name"] == self.scenario.name), None)


@dataclass(frozen=True, slots=True)
class State:
    """Everything live at one moment."""

    rows: tuple[tuple[Any, ...], ...]
    scenarios: dict[str, Live]
    bases: dict[int, Base]
    again_at: float = float("inf")  # when to try again what could not be loaded, on the monotonic clock


_lock = threading.Lock()
_state: State | None = None
_heard_at = float("-inf")


def scenario(name: str) -> Live:
    """A scenario as it is served now.

    Raises:
        NotRegistered: when there is no such scenario.
        DatabaseError: when nothing is known yet and the database does not answer.
    """
    state = _state or hear(_ask())
    if name not in state.scenarios:
        state = hear(_ask())  # made a moment ago
    if name not in state.scenarios:
        raise NotRegistered(f"There is no scenario {name!r}; there are {sorted(state.scenarios)}.")
    return state.scenarios[name]


def scenarios() -> list[Live]:
    """All of them, by name."""
    return list((_state or hear(_ask())).scenarios.values())


def served_by(name: str, version_id: int) -> Live:
    """A scenario as another version would serve it; loaded for this one time, unless its base is known.

    Raises:
        NotRegistered: when there is no such scenario.
    """
    place = scenario(name)
    if place.version_id == version_id:
        return place
    arranged = copy.copy(place.scenario)
    arranged.live_version_id = version_id
    loaded = _load(arranged, dict(_state.bases) if _state else {})
    return replace(loaded, policy=place.policy, counts=place.counts)


def latest(name: str) -> Live:
    """A scenario with the news of this moment, for who asks nothing else that they could ride along with.

    Raises:
        NotRegistered: when there is no such scenario.
    """
    if news := poll():
        hear(read(news, using=store.database())[0])
    return scenario(name)


def poll() -> list[Fragment]:
    """The statement that brings news, when it is time to ask."""
    return [asked()] if time.monotonic() - _heard_at >= get_config().VERSION_POLL_SECONDS else []


def hear(rows: Rows) -> State:
    """Take in what the poll gave and load what changed; while one thread loads, the others go on with what is."""
    global _state, _heard_at
    told = tuple(rows)
    state = _state
    if state is None or state.rows != told or time.monotonic() > state.again_at:
        if not _lock.acquire(blocking=state is None) and state is not None:
            return state
        try:
            state = _state = _build(told, _state)
        finally:
            _lock.release()
    _heard_at = time.monotonic()
    return state


def expire(**kwargs: Any) -> None:
    """Ask again at the next answer: something changed in this very process."""
    global _heard_at
    _heard_at = float("-inf")


def reset(**kwargs: Any) -> None:
    """Know nothing, as a process that has just begun."""
    global _state
    with _lock:
        _state = None
    expire()


def _ask() -> Rows:
    return read([asked()], using=store.database())[0]


def _build(rows: tuple[tuple[Any, ...], ...], before: State | None) -> State:
    old = dict(zip(before.rows, before.scenarios.values(), strict=True)) if before else {}
    bases = dict(before.bases) if before else {}
    kept = {row: live for row, live in old.items() if not live.failed}
    found = {row[1]: kept.get(row) or _load_row(row, bases) for row in rows}
    served = [each for live in found.values() for each in (live, *live.arms.values())]
    used = {live.base.id for live in served if live.base}
    failed = any(live.failed for live in found.values())
    again_at = time.monotonic() + RETRY_SECONDS if failed else float("inf")
    return State(rows, found, {pk: base for pk, base in bases.items() if pk in used}, again_at)


def _load_row(row: tuple[Any, ...], bases: dict[int, Base]) -> Live:
    *columns, told, experiment = row
    place, pinned = _scenario(columns), places(told)
    live = replace(_with_policy(_load(place, bases), pinned), counts=_counts(place))
    if experiment is None:
        return live
    split = Split.from_row(json.loads(experiment))
    loaded = {trial.name: _load_arm(place, pinned, trial, bases) for trial in split.trials}
    arms = {name: replace(arm, counts=live.counts) for name, arm in loaded.items()}
    # An arm whose version cannot be served is left out: its figures would be those of the fallback.
    return replace(live, split=split, arms={name: arm for name, arm in arms.items() if not arm.failed})


def _load_arm(place: Scenario, pinned: tuple[Place, ...], trial: Trial, bases: dict[int, Base]) -> Live:
    arranged = copy.copy(place)
    arranged.options = {**place.options, **trial.options}
    arranged.live_version_id = None if trial.holdout else trial.version_id or place.live_version_id
    return replace(_with_policy(_load(arranged, bases), pinned), arm=trial.name)


def _scenario(columns: list[Any]) -> Scenario:
    values = dict(zip(_COLUMNS, columns, strict=True))
    values |= {name: json.loads(values[name]) for name in _JSON}
    return Scenario.from_db(store.database(), list(values), list(values.values()))


def _with_policy(live: Live, pinned: tuple[Place, ...]) -> Live:
    """With its pins and what its options say; one that makes no sense is passed over."""
    options = live.scenario.options
    wrong = option_problems(options)
    for name, error in wrong.items():
        complain(f"option {name} of {live.scenario.name} is passed over", error)
    sound = {name: value for name, value in options.items() if name not in wrong}
    return replace(live, policy=Policy(**read_options(sound), pins=pinned))


def _counts(place: Scenario) -> Counts:
    try:
        with transaction.atomic(using=store.database()):
            return read_counts(place.pk)
    except (ProgrammingError, OperationalError) as error:
        complain(f"counts of {place.name} were not read", error)
    return Counts()


def _load(place: Scenario, bases: dict[int, Base]) -> Live:
    if place.live_version_id is None:
        return Live(place)
    try:
        with transaction.atomic(using=store.database()):
            return _load_version(place, place.live_version_id, bases)
    except ArtifactError as error:
        complain(f"version {place.live_version_id} of {place.name} is not served", error)
    except (ProgrammingError, OperationalError) as error:
        complain(f"version {place.live_version_id} of {place.name} was not read", error)
    return Live(place)


def _load_version(place: Scenario, version_id: int, bases: dict[int, Base]) -> Live:
    parent = ModelVersion.objects.using(store.database()).filter(pk=version_id).values_list("parent_id", flat=True)
    if not (found := list(parent)):
        raise ArtifactError("the version is gone")
    base_id = found[0] or version_id
    if base_id not in bases:
        bases[base_id] = _load_base(base_id)
    base = bases[base_id]
    if base_id != version_id:
        try:
            transfer = _artifact(version_id)
            encoder = _encoder(base.artifact, transfer, place.name)
            return Live(place, version_id, base, encoder, _blend(base.artifact, transfer, place.name))
        except ArtifactError as error:
            complain(f"transfer {version_id} is left out, {place.name} is served by its base", error)
    encoder = _encoder(base.artifact, None, place.name)
    return Live(place, base_id, base, encoder, _blend(base.artifact, None, place.name))


def _load_base(base_id: int) -> Base:
    items = store.size(base_id)
    drawn = store.sample(base_id, min(100.0, 100.0 * SAMPLED_ROWS / max(items, 1)))
    ids: dict[str, list[str]] = {}
    for label, object_id, _available in drawn:
        ids.setdefault(label, []).append(object_id)
    share = sum(available for *_name, available in drawn) / len(drawn) if drawn else 1.0
    samples = {label: Sample.of(some, len(some) / len(drawn)) for label, some in ids.items()}
    return Base(base_id, _artifact(base_id), items, samples, share, store.lists_of(base_id))


def _artifact(version_id: int) -> Artifact:
    files = VersionFile.objects.using(store.database()).filter(version_id=version_id, name="artifact")
    artifact = Artifact.from_bytes(joined(files.order_by("part").values_list("data", "sha256")))
    return replace(artifact, arrays={name: a for name, a in artifact.arrays.items() if name.startswith(SERVED)})


def _encoder(base: Artifact, transfer: Artifact | None, name: str) -> QueryEncoder:
    """Tried once, so that arrays that are missing or do not fit are found here and not in a request."""
    try:
        encoder = QueryEncoder.from_artifacts(base, transfer, scenario=name)
        query = encoder.encode(np.ones((2, DIM), np.float32), np.zeros(2, np.int64), np.zeros(2), np.zeros(2, np.bool_))
    except ArtifactError:
        raise
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ArtifactError(f"no query can be computed: {error!r}") from error
    if query.shape != (DIM,):
        raise ArtifactError(f"its queries are {query.shape} and not ({DIM},)")
    return encoder


def _blend(base: Artifact, transfer: Artifact | None, name: str) -> Blend:
    stored = transfer.config.get("blend") if transfer else None
    stored = stored or base.config.get("blends", {}).get(name)
    return Blend.from_json(stored) if stored else Blend()


for _sender in (Scenario, Experiment, Arm, Pin):
    post_save.connect(expire, sender=_sender, dispatch_uid="mtrec.serving.live")
    post_delete.connect(expire, sender=_sender, dispatch_uid="mtrec.serving.live")
version_published.connect(expire, sender=ModelVersion, dispatch_uid="mtrec.serving.live")
setting_changed.connect(expire, dispatch_uid="mtrec.serving.live")
