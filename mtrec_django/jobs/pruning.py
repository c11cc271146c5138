"""What is superseded goes, and its disk with it; what is live, or its way back, stays."""

from __future__ import annotations

from django.db.models import Q

from ..conf import get_config
from ..models import ModelVersion, Run, Scenario, VersionFile
from ..models.experiments import versions_on_trial
from ..retrieval import store
from .checkpoints import NAME as CHECKPOINT
from .checkpoints import forget_old
from .running import being_built


def prune(*, dry_run: bool = False) -> list[int]:
    """Drop the vectors and files of superseded versions; returns the primary keys. Safe to run twice at once."""
    Run.objects.reap()
    doomed = superseded()
    if not dry_run:
        for pk in doomed:
            drop(pk)
        for orphan in set(store.orphans()) - being_built():
            store.drop(orphan)
        deserted = ModelVersion.objects.filter(status=ModelVersion.Status.BUILDING).exclude(pk__in=being_built())
        deserted.update(status=ModelVersion.Status.FAILED)
        forget_old()
    return doomed


def superseded() -> list[int]:
    """Base versions that are neither live, nor in an open experiment, nor among the newest kept for roll back, nor
    being built right now.
    """
    served = ModelVersion.objects.filter(Q(live_in__isnull=False) | Q(pk__in=versions_on_trial()))
    live = {version.base_id for version in served}
    back = {
        publication.replaced.base_id
        for scenario in Scenario.objects.all()
        if (publication := scenario.publications.select_related("replaced").first()) and publication.replaced
    }
    bases = ModelVersion.objects.filter(kind=ModelVersion.Kind.BASE)
    newest = bases.filter(status=ModelVersion.Status.READY).order_by("-pk").values_list("pk", flat=True)
    kept = live | back | being_built() | set(newest[: get_config().KEEP_VERSIONS])
    gone = [ModelVersion.Status.PRUNED, ModelVersion.Status.FAILED]  # what failed left no tables, or orphans
    rest = bases.exclude(pk__in=kept).exclude(status__in=gone)
    return list(rest.order_by("pk").values_list("pk", flat=True))


def drop(pk: int) -> None:
    """Let go of one base version: first nobody can publish it, then its partitions and files go.

    The checkpoint of a training that died stays: the next one goes on from it.
    """
    ModelVersion.objects.filter(pk=pk).update(status=ModelVersion.Status.PRUNED)
    ModelVersion.objects.filter(parent_id=pk).update(status=ModelVersion.Status.PRUNED)
    store.drop(pk)
    VersionFile.objects.filter(version_id=pk).exclude(name=CHECKPOINT).delete()
    VersionFile.objects.filter(version__parent_id=pk).delete()
