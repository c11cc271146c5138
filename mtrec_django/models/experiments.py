"""Experiments: arms of one scenario, who was put into them by a sticky hash, and what came of it day by day."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..exceptions import ExperimentError
from .versions import ModelVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from .catalog import Scenario


class Metric(models.TextChoices):
    """What a visitor did in the days after his first list of the experiment."""

    CLICK = "click", _("clicked on a list of the scenario")
    CONVERSION = "conversion", _("converted")
    REVENUE = "revenue", _("revenue")


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    """What one asks of experiments."""

    def open(self) -> ExperimentQuerySet:
        """Started, or to be started at a set time, and not ended."""
        return self.filter(starts_at__isnull=False, ended_at__isnull=True)


class Experiment(models.Model):
    """Several ways to serve one scenario, tried on its visitors side by side."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SCHEDULED = "scheduled", _("scheduled")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped by the guard")
        ENDED = "ended", _("ended")

    scenario = models.ForeignKey(
        "mtrec.Scenario", models.CASCADE, related_name="experiments", verbose_name=_("scenario")
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What is tried, in a few words."))
    metric = models.CharField(
        _("what decides"), max_length=10, choices=Metric, default=Metric.CLICK, help_text=_("Of each visitor.")
    )
    guard = models.CharField(
        _("guard"),
        max_length=10,
        choices=Metric,
        default=Metric.CLICK,
        blank=True,
        help_text=_("An arm that is surely worse than the control in this is stopped by itself. Empty for none."),
    )
    traffic = models.PositiveSmallIntegerField(
        _("traffic"),
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Percent of the visitors who take part. Raised later, those who are in stay in their arms."),
    )
    days = models.PositiveSmallIntegerField(
        _("days of a visitor"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text=_("What a visitor does so many days from his first list counts; he is counted when they are over."),
    )
    error_rate = models.FloatField(
        _("error rate"),
        default=0.05,
        validators=[MinValueValidator(0.0001), MaxValueValidator(0.5)],
        help_text=_("How often a difference may be claimed where there is none, however often one looks."),
    )
    horizon = models.PositiveIntegerField(
        _("expected visitors"),
        default=10_000,
        validators=[MinValueValidator(100)],
        help_text=_("Of all arms together. The intervals hold at any number, and are narrowest about here."),
    )
    salt = models.UUIDField(default=uuid.uuid4, editable=False)
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("to end"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    winner = models.ForeignKey(
        "mtrec.Arm",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("winner"),
    )
    counted_at = models.DateTimeField(_("counted"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("by"),
    )

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["scenario"],
                condition=Q(starts_at__isnull=False, ended_at__isnull=True),
                name="mtrec_experiment_one_open",
                violation_error_message=_("Another experiment of this scenario is not over yet."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """An experiment ends after it has begun."""
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": _("It would end before it starts.")})

    @property
    def state(self) -> State:
        """Where it stands now."""
        now = timezone.now()
        if self.ended_at is not None:
            stopped = [arm.stopped_at for arm in self.arms.all() if arm.role == Arm.Role.VARIANT]
            return self.State.STOPPED if stopped and all(stopped) and self.winner_id is None else self.State.ENDED
        if self.starts_at is None:
            return self.State.DRAFT
        if self.starts_at > now:
            return self.State.SCHEDULED
        return self.State.ENDED if self.ends_at is not None and self.ends_at <= now else self.State.RUNNING

    def start(self, at: datetime | None = None) -> None:
        """Let visitors in from now, or from then on. Arms without a version keep to the one that is live now.

        Raises:
            ExperimentError: when it has begun already, or another one of the scenario is not over.
        """
        with transaction.atomic():
            place: Scenario = type(self.scenario).objects.select_for_update().get(pk=self.scenario_id)
            self.refresh_from_db()
            if self.starts_at is not None:
                raise ExperimentError(_("%(name)s has begun already.") % {"name": self})
            if place.experiments.open().exists():
                raise ExperimentError(_("Another experiment of %(scenario)s is not over yet.") % {"scenario": place})
            self.arms.filter(version=None).exclude(role=Arm.Role.HOLDOUT).update(version=place.live_version_id)
            self.starts_at = at or timezone.now()
            self.save(update_fields=["starts_at"])

    def end(self, winner: Arm | None = None) -> None:
        """Serve everybody as the scenario says again. What was counted stays.

        Raises:
            ExperimentError: when it has not begun, or is over.
        """
        changes = {"ended_at": timezone.now(), "winner": winner}
        if not Experiment.objects.open().filter(pk=self.pk).update(**changes):
            raise ExperimentError(_("%(name)s is not running.") % {"name": self})
        self.refresh_from_db()

    def adopt(self, arm: Arm, *, by: User | None = None) -> None:
        """Serve everybody as this arm does, and end the experiment.

        Raises:
            NotPublishable: when the arm's version cannot go live.
            ExperimentError: when the experiment is not running, or the arm is a holdout.
        """
        if arm.role == Arm.Role.HOLDOUT:
            raise ExperimentError(_("A holdout shows popular items alone; it cannot go live."))
        with transaction.atomic():
            place: Scenario = type(self.scenario).objects.select_for_update().get(pk=self.scenario_id)
            self.end(winner=arm)
            place.options = {**place.options, **arm.options}
            place.save(update_fields=["options", "updated_at"])
            if arm.version is not None and arm.version_id != place.live_version_id:
                words = {"arm": arm.name, "experiment": self.name}
                reason = _("arm %(arm)s won the experiment “%(experiment)s”") % words
                arm.version.publish([place], by=by, reason=reason)


class Arm(models.Model):
    """One way to serve the scenario."""

    class Role(models.TextChoices):
        CONTROL = "control", _("control")
        VARIANT = "variant", _("variant")
        HOLDOUT = "holdout", _("holdout")

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="arms", verbose_name=_("experiment"))
    name = models.SlugField(_("name"), max_length=32)
    role = models.CharField(
        _("role"),
        max_length=10,
        choices=Role,
        default=Role.VARIANT,
        help_text=_("The others are compared with the control. A holdout shows popular and new items alone."),
    )
    share = models.PositiveSmallIntegerField(
        _("share"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("Of the visitors who take part, beside the shares of the other arms."),
    )
    version = models.ForeignKey(
        ModelVersion,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="arms",
        verbose_name=_("version"),
        help_text=_("Empty for the one that is live at the start."),
    )
    options = models.JSONField(
        _("options"),
        default=dict,
        blank=True,
        help_text=_("Candidate sources and rules that replace those of the scenario."),
    )
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("arm")
        verbose_name_plural = _("arms")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "name"], name="mtrec_arm_experiment_name"),
            models.UniqueConstraint(fields=["experiment"], condition=Q(role="control"), name="mtrec_arm_one_control"),
        ]

    def __str__(self) -> str:
        return self.name


class ArmDay(models.Model):
    """What the visitors did whose days ended on this one: a visitor is counted once, in the arm he saw first."""

    arm = models.ForeignKey(Arm, models.CASCADE, related_name="by_day")
    day = models.DateField(_("day"))
    visitors = models.PositiveIntegerField(_("visitors"), default=0)
    clicked = models.PositiveIntegerField(_("clicked"), default=0)
    converted = models.PositiveIntegerField(_("converted"), default=0)
    paid = models.PositiveIntegerField(_("visitors with revenue"), default=0)
    revenue = models.FloatField(_("revenue"), default=0.0)
    revenue_squares = models.FloatField(default=0.0)

    class Meta:
        verbose_name = _("day of an arm")
        verbose_name_plural = _("days of arms")
        constraints = [models.UniqueConstraint(fields=["arm", "day"], name="mtrec_armday_arm_day")]

    def __str__(self) -> str:
        return f"{self.arm} {self.day}"

    def sums(self, metric: str) -> tuple[int, float, float, int]:
        """Visitors, total, sum of squares and visitors above zero in a metric."""
        if metric == Metric.REVENUE:
            return self.visitors, self.revenue, self.revenue_squares, self.paid
        count = self.clicked if metric == Metric.CLICK else self.converted
        return self.visitors, float(count), float(count), count


def versions_on_trial() -> set[Any]:
    """Primary keys of versions that arms of experiments that are not over are served by."""
    arms = Arm.objects.filter(experiment__ended_at=None, version__isnull=False)
    return set(arms.values_list("version_id", flat=True))
