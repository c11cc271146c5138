"""Checkpoints of trainings, in the database: whichever host takes a killed training up again finds them there."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from ..inference.artifact import joined
from ..models import ModelVersion, VersionFile
from .erasing import learned_from_erased
from .running import being_built

NAME = "checkpoint"

KEPT = timedelta(days=2)
"""A training that nobody has taken up again after so long is not worth its disk."""


class InDatabase:
    """Keeps the checkpoint of a version being built; begins with that of the one that died, if there is one."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version

    def read(self) -> bytes | None:
        """The newest one that no living worker writes, unless somebody was erased since its training began. It is this
        version's from now on."""
        newest = _deserted().select_related("version").order_by("-version_id").first()
        if (
            newest is None
            or learned_from_erased(newest.version)
            or not _deserted().filter(version_id=newest.version_id).update(version=self.version)
        ):
            return None
        return joined(self.version.files.filter(name=NAME).order_by("part").values_list("data", "sha256"))

    def write(self, data: bytes) -> None:
        """Replace it."""
        self.version.add_file(NAME, data)


def forget(version: ModelVersion) -> None:
    """The training has succeeded: its checkpoint goes, and whatever older ones dead workers left."""
    version.files.filter(name=NAME).delete()
    _deserted().delete()


def forget_old() -> None:
    """Drop what nobody has come back to."""
    _deserted().filter(version__created_at__lt=timezone.now() - KEPT).delete()


def _deserted() -> QuerySet[VersionFile]:
    return VersionFile.objects.filter(name=NAME).exclude(version_id__in=being_built())
