"""Ties between visitors: friend, follows, trusts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..catalog.sync import CHUNK, Progress, chunks
from ..exceptions import BadFeedback
from ..models import Relation, Visitor
from .pseudonyms import keyed_by, pseudonym, rekey
from .validation import check_kind, check_value


@dataclass(frozen=True, slots=True)
class Tie:
    """One tie between two visitors, by their external ids."""

    visitor: str
    other: str
    kind: str = "friend"
    weight: float = 1.0


def set_relation(visitor: Visitor, other: Visitor, kind: str = "friend", weight: float = 1.0) -> Relation:
    """Tie one visitor to another, or change the weight of the tie. Raises BadFeedback for a tie to oneself."""
    if visitor.pk == other.pk:
        raise BadFeedback(f"Visitor {visitor.pk} cannot be tied to itself.")
    weight = check_value(weight) or 0.0
    return Relation.objects.update_or_create(
        visitor=visitor, other=other, kind=check_kind(kind), defaults={"weight": weight}
    )[0]


def remove_relation(visitor: Visitor, other: Visitor, kind: str = "friend") -> bool:
    """Untie; whether there was a tie."""
    return bool(Relation.objects.filter(visitor=visitor, other=other, kind=kind).delete()[0])


def import_relations(ties: Iterable[Tie], progress: Progress | None = None) -> int:
    """Write ties in chunks, making the visitors that are missing; the later of two equal ties counts. How many."""
    rekey()
    done = 0
    for chunk in chunks(ties, CHUNK):
        last = {(tie.visitor, tie.other, tie.kind): tie for tie in chunk if tie.visitor != tie.other}
        known = ensure_visitors({name for one, two, _ in last for name in (one, two)})
        rows = [
            Relation(visitor_id=known[tie.visitor], other_id=known[tie.other], kind=tie.kind, weight=tie.weight)
            for tie in last.values()
        ]
        rows.sort(key=lambda row: (row.visitor_id, row.other_id, row.kind))  # one order for all: no deadlock
        Relation.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["visitor", "other", "kind"], update_fields=["weight"]
        )
        done += len(rows)
        if progress:
            progress("Importing relations", done, 0)
    return done


def ensure_visitors(external_ids: Iterable[str]) -> dict[str, int]:
    """Primary keys of visitors by external id; those that are missing are made."""
    stored = {pseudonym(name): name for name in set(external_ids)}
    made = [Visitor(external_id=name, keyed_by=keyed_by()) for name in sorted(stored)]
    Visitor.objects.bulk_create(made, ignore_conflicts=True)
    found = Visitor.objects.filter(external_id__in=stored).values_list("external_id", "pk")
    return {stored[str(name)]: pk for name, pk in found}
