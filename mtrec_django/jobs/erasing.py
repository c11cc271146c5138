"""One visitor leaves no trace: not in the tables, and not in what the next training begins with.

What is learned holds no row of a visitor; still, a version made before an erasure is no beginning for a training after
it (see `learned_from_erased`), so nothing that he taught is carried on.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import router, transaction
from django.db.models import QuerySet

from ..events.visitors import references
from ..models import Erasure, Feedback, ModelVersion, Recommendation, Visitor


def erase(visitor: Visitor | None) -> Erasure:
    """Delete a visitor with all that he did, was shown and is tied by; what is returned has the receipt.

    Whoever is nobody, or was erased before, gives a receipt of nothing that is not stored. One transaction: all or
    nothing. What he does at the same moment is either erased with him or not stored.
    """
    counts: Counter[str] = Counter()
    with transaction.atomic(using=router.db_for_write(Visitor)):
        # The lock waits for events that are being stored, and holds off new ones.
        known = visitor and Visitor.objects.select_for_update().filter(pk=visitor.pk).first()
        if known is None:
            return Erasure(counts={})
        counts.update(_forget_answers(known))
        for model, field in references():
            counts[model._meta.db_table] += _delete(model._default_manager.filter(**{field: known}))
        counts[Visitor._meta.db_table] += _delete(Visitor.objects.filter(pk=known.pk))
        return Erasure.objects.create(counts={name: count for name, count in sorted(counts.items()) if count})


def learned_from_erased(version: ModelVersion) -> bool:
    """Whether somebody was erased since a version began to be made."""
    return Erasure.objects.filter(erased_at__gte=version.created_at).exists()


def _forget_answers(visitor: Visitor) -> dict[str, int]:
    """Answers that he was given before he was a visitor go too; events of others forget the answers that were his."""
    answers = Recommendation.objects.filter(visitor=visitor).values("pk")
    others = Feedback.objects.exclude(visitor=visitor).filter(recommendation__in=answers)
    mine = Feedback.objects.filter(visitor=visitor, recommendation__isnull=False).values("recommendation")
    table = Recommendation._meta.db_table
    forgotten = others.update(recommendation=None)
    return {
        Feedback._meta.db_table: forgotten,
        table: _delete(Recommendation.objects.filter(visitor=None, pk__in=mine)),
    }


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows with what depends on them; how many there were of all."""
    return rows.delete()[0]
