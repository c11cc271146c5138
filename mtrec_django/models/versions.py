"""What trainings gave: versions, their files, and which of them went live when."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..exceptions import NotPublishable
from ..signals import version_published
from .catalog import Scenario

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PART_BYTES = 64 * 2**20
"""Postgres takes no more than 1 GB in one field, and a client holds a field in memory several times over."""


class ModelVersion(models.Model):
    """A base (θ) or a transfer (Δθ_s, α_s; child of a base), with what it was made from and how well it does."""

    class Kind(models.TextChoices):
        BASE = "base", _("base")
        TRANSFER = "transfer", _("transfer")

    class Status(models.TextChoices):
        BUILDING = "building", _("being built")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")
        PRUNED = "pruned", _("pruned")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    scenario = models.ForeignKey(
        "mtrec.Scenario",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="versions",
        verbose_name=_("scenario"),
        help_text=_("Of a transfer; a base belongs to all."),
    )
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("base")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.BUILDING)
    encoder = models.CharField(_("encoder"), max_length=200, blank=True)
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    seed = models.BigIntegerField(_("seed"), default=0)
    data_from = models.DateTimeField(_("data from"), null=True, blank=True)
    data_to = models.DateTimeField(_("data to"), null=True, blank=True)
    events = models.BigIntegerField(_("events"), default=0)
    items = models.BigIntegerField(_("items"), default=0)
    metrics = models.JSONField(_("metrics"), default=dict, blank=True)  # scenario -> model -> metric -> value
    report = models.JSONField(_("report"), default=dict, blank=True)  # cleaning, curve, seconds
    publishable = models.BooleanField(
        _("won"), null=True, blank=True, help_text=_("Whether it beat what it would replace.")
    )
    reason = models.TextField(_("reason"), blank=True, help_text=_("Why it was published, or was not."))
    card = models.TextField(_("card"), blank=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="base", parent__isnull=True, scenario__isnull=True)
                | models.Q(kind="transfer", parent__isnull=False, scenario__isnull=False),
                name="mtrec_modelversion_lineage",
            )
        ]

    def __str__(self) -> str:
        return f"v{self.pk} {self.get_kind_display()}" + (f" {self.scenario}" if self.scenario_id else "")

    @property
    def base_id(self) -> int:
        """The version whose item vectors this one uses: its base, or itself."""
        return self.parent_id or self.pk

    def publish(
        self,
        scenarios: Iterable[Scenario] | None = None,
        *,
        by: User | None = None,
        reason: str = "",
    ) -> list[Publication]:
        """Make this version live: a transfer in its scenario, a base in the given ones (all, unless named).

        One UPDATE switches every scenario at once; each answer reads one version throughout, so none is ever mixed.

        Raises:
            NotPublishable: when the version is not ready, or a transfer is asked into another scenario than its own.
        """
        with transaction.atomic():
            version = ModelVersion.objects.select_for_update(of=("self",)).select_related("parent").get(pk=self.pk)
            if version.status != self.Status.READY or (version.parent and version.parent.status != self.Status.READY):
                words = {"version": version, "status": version.get_status_display()}
                raise NotPublishable(gettext("%(version)s is %(status)s, only a ready version can go live") % words)
            places = Scenario.objects.select_for_update().order_by("pk")
            if version.scenario_id:
                places = places.filter(pk=version.scenario_id)
                if scenarios is not None and any(scenario.pk != version.scenario_id for scenario in scenarios):
                    words = {"version": version, "scenario": version.scenario}
                    said = gettext("%(version)s was made for %(scenario)s, it cannot go live elsewhere")
                    raise NotPublishable(said % words)
            elif scenarios is not None:
                places = places.filter(pk__in=[scenario.pk for scenario in scenarios])
            published = [
                Publication(scenario=place, version=version, replaced_id=place.live_version_id, by=by, reason=reason)
                for place in places
                if place.live_version_id != version.pk
            ]
            Scenario.objects.filter(pk__in=[row.scenario_id for row in published]).update(live_version=version)
            published = Publication.objects.bulk_create(published)
            names = [row.scenario.name for row in published]
            if names:
                transaction.on_commit(
                    lambda: version_published.send(ModelVersion, version=version, scenarios=names), robust=True
                )
        return published

    def add_file(self, name: str, data: bytes) -> list[VersionFile]:
        """Keep one file of this version, in parts with a checksum each; a second one of that name replaces it."""
        with transaction.atomic():
            self.files.filter(name=name).delete()
            parts = [data[first : first + PART_BYTES] for first in range(0, max(len(data), 1), PART_BYTES)]
            return [
                self.files.create(
                    name=name, part=number, data=part, sha256=hashlib.sha256(part).hexdigest(), size=len(part)
                )
                for number, part in enumerate(parts)
            ]


class VersionFile(models.Model):
    """A file of a version, or a part of a large one. In the database, since web hosts share no disk."""

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="files")
    name = models.CharField(
        _("name"), max_length=32
    )  # "artifact" is what serving reads; "state" is for the next training
    part = models.PositiveIntegerField(_("part"), default=0)
    data = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(_("bytes"))

    class Meta:
        verbose_name = _("version file")
        verbose_name_plural = _("version files")
        ordering = ["version_id", "name", "part"]
        constraints = [
            models.UniqueConstraint(fields=["version", "name", "part"], name="mtrec_versionfile_version_name_part")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.version_id}"


class Publication(models.Model):
    """A version that went live in a scenario: when, by whom, and why. The newest row is what is live."""

    scenario = models.ForeignKey(
        "mtrec.Scenario", models.CASCADE, related_name="publications", verbose_name=_("scenario")
    )
    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="publications", verbose_name=_("version"))
    replaced = models.ForeignKey(
        ModelVersion, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("replaced")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    reason = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return gettext("%(version)s in %(scenario)s") % {"version": self.version, "scenario": self.scenario}


def live_before(scenario: Scenario) -> ModelVersion | None:
    """What rolling back would put live again."""
    last = scenario.publications.select_related("replaced").first()
    return last.replaced if last is not None else None


def replaced_in(scenarios: Collection[Scenario]) -> set[int]:
    """Primary keys of those of the scenarios in which something was live before; in one query."""
    newest = Publication.objects.filter(scenario__in=scenarios).order_by("scenario_id", "-pk").distinct("scenario_id")
    return {scenario for scenario, before in newest.values_list("scenario_id", "replaced_id") if before is not None}


def roll_back(scenario: Scenario, *, by: User | None = None, reason: str = "") -> Publication:
    """Put back what was live before the newest publication of the scenario.

    Raises:
        NotPublishable: when nothing was live before, or it was pruned since.
    """
    before = live_before(scenario)
    if before is None:
        raise NotPublishable(gettext("nothing was live in %(scenario)s before") % {"scenario": scenario})
    back = gettext("rolled back from %(version)s") % {"version": scenario.live_version}
    published = before.publish([scenario], by=by, reason=reason or back)
    if not published:
        words = {"version": before, "scenario": scenario}
        raise NotPublishable(gettext("%(version)s is live in %(scenario)s already") % words)
    return published[0]
