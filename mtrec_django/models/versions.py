"""What trainings gave: versions, their files, and which of them went live when."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


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
        return f"v{self.pk} {self.kind}" + (f" {self.scenario}" if self.scenario_id else "")

    @property
    def base_id(self) -> int:
        """The version whose item vectors this one uses: its base, or itself."""
        return self.parent_id or self.pk


class VersionFile(models.Model):
    """One file of a version. In the database, since several web hosts share no disk; small, since item vectors are rows."""

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="files")
    name = models.CharField(
        _("name"), max_length=32
    )  # "artifact" is what serving reads; "state" is for the next training
    data = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(_("bytes"))

    class Meta:
        verbose_name = _("version file")
        verbose_name_plural = _("version files")
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="mtrec_versionfile_version_name")]

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
        return f"{self.version} in {self.scenario}"


def lineage(version: ModelVersion) -> dict[str, Any]:
    """The base of a version and all its transfers, as a tree of primary keys."""
    base = version.parent or version
    return {"base": base.pk, "transfers": list(base.children.order_by("pk").values_list("pk", flat=True))}
