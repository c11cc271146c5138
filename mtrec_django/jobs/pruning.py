"""What is superseded goes, and its disk with it; what is live, or its way back, stays."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from ..conf import get_config
from ..models import ModelVersion, Run, Scenario, VersionFile
from ..retrieval import store

BUILDING_DAYS = 1
"""A version still being built after so long belongs to a worker that died."""


def prune(*, dry_run: bool = False) -> list[int]:
    """Drop the vectors and files of superseded versions; returns the primary keys. Safe to run twice at once."""
    Run.objects.reap()
    doomed = superseded()
    if not dry_run:
        for pk in doomed:
            drop(pk)
        for orphan in store.orphans():
            store.drop(orphan)
    return doomed


def superseded() -> list[int]:
    """Base versions that are neither live, nor among the newest kept for roll back, nor being built right now."""
    live = {version.base_id for version in ModelVersion.objects.filter(live_in__isnull=False)}
    back = {
        publication.replaced.base_id
        for scenario in Scenario.objects.all()
        if (publication := scenario.publications.select_related("replaced").first()) and publication.replaced
    }
    bases = ModelVersion.objects.filter(kind=ModelVersion.Kind.BASE)
    newest = bases.filter(status=ModelVersion.Status.READY).order_by("-pk").values_list("pk", flat=True)
    kept = live | back | set(newest[: get_config().KEEP_VERSIONS])
    fresh = timezone.now() - timedelta(days=BUILDING_DAYS)
    return [
        version.pk
        for version in bases.exclude(pk__in=kept).exclude(status=ModelVersion.Status.PRUNED).order_by("pk")
        if version.status != ModelVersion.Status.BUILDING or (version.created_at < fresh and not _is_built(version))
    ]


def _is_built(version: ModelVersion) -> bool:
    return version.runs.filter(status=Run.Status.RUNNING).exists()


def drop(pk: int) -> None:
    """Let go of one base version: first nobody can publish it, then its partitions and files go."""
    ModelVersion.objects.filter(pk=pk).update(status=ModelVersion.Status.PRUNED)
    ModelVersion.objects.filter(parent_id=pk).update(status=ModelVersion.Status.PRUNED)
    store.drop(pk)
    VersionFile.objects.filter(version_id=pk).delete()
    VersionFile.objects.filter(version__parent_id=pk).delete()
