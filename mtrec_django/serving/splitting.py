"""Which arm of an experiment a visitor is in: a sticky hash, so that nothing has to be stored to remember it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..events.pseudonyms import keys_of
from ..events.visitors import session_key, speaks, spoken_for
from ..models import Arm, Visitor
from ..retrieval.statement import Fragment

OPEN = Fragment(
    "(select jsonb_build_object('salt', e.salt, 'traffic', e.traffic, 'begins', extract(epoch from e.starts_at),"
    " 'ends', extract(epoch from e.ends_at), 'arms', (select jsonb_agg(jsonb_build_object('name', a.name,"
    " 'share', a.share, 'version', a.version_id, 'options', a.options, 'role', a.role,"
    " 'stopped', a.stopped_at is not null) order by a.id) from mtrec_arm as a where a.experiment_id = e.id))::text"
    " from mtrec_experiment as e where e.scenario_id = mtrec_scenario.id"
    " and e.starts_at is not null and e.ended_at is null)"
)
"""The open experiment of a row of `mtrec_scenario`, as one JSON text."""


def draw(salt: str, identity: str) -> float:
    """A number in [0, 1), always the same for one visitor and salt, uniform over visitors, and as good as independent
    of his number under another salt.
    """
    digest = hashlib.blake2b(f"{salt}:{identity}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)  # a double has 53 bits; more would round up to 1


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm as it is to be served."""

    name: str
    share: float
    version_id: int | None
    options: Mapping[str, Any]
    holdout: bool
    stopped: bool


@dataclass(frozen=True, slots=True)
class Split:
    """How an experiment divides visitors."""

    salt: str
    traffic: float
    """Percent of the visitors who take part."""
    begins: float  # seconds since 1970
    ends: float
    trials: tuple[Trial, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Split:
        """What `OPEN` gave."""
        trials = [
            Trial(
                name=arm["name"],
                share=arm["share"],
                version_id=arm["version"],
                options=arm["options"],
                holdout=arm["role"] == Arm.Role.HOLDOUT,
                stopped=arm["stopped"],
            )
            for arm in row["arms"] or ()
        ]
        ends = float("inf") if row["ends"] is None else float(row["ends"])
        return cls(str(row["salt"]), float(row["traffic"]), float(row["begins"]), ends, tuple(trials))

    def arm_of(self, identity: str, *, now: float | None = None) -> str:
        """The name of the arm; empty for who takes part in none.

        Whether one takes part and in which arm are two draws, so that more traffic moves nobody between arms; and an
        arm that was stopped keeps its share, so that those of the others stay where they are.
        """
        moment = time.time() if now is None else now
        if not identity or not self.begins <= moment < self.ends:
            return ""
        if 100 * draw(f"{self.salt}:traffic", identity) >= self.traffic:
            return ""
        left = draw(self.salt, identity) * sum(trial.share for trial in self.trials)
        for trial in self.trials:
            left -= trial.share
            if left < 0:
                return "" if trial.stopped else trial.name
        return ""


def identity_of(request: Any) -> str:
    """What a request knows its visitor by without asking the database; empty for one who cannot be told again."""
    if speaks(request):
        return identity_of_visitor(spoken_for(request))
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"user {user.pk}"
    key = session_key(request)
    return f"guest {keys_of(key)[0]}" if key else ""


def identity_of_visitor(visitor: Visitor | None) -> str:
    """The same for a visitor who is known already."""
    if visitor is None:
        return ""
    return f"user {visitor.user_id}" if visitor.user_id else f"guest {visitor.key}"
