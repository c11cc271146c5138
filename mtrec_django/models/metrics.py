"""What came of what was shown, by day: counted by a job, so that no page has to count events."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AnswerDay(models.Model):
    """The answers of one day in one scenario, by the version and the arm that gave them."""

    scenario = models.ForeignKey(
        "mtrec.Scenario", models.CASCADE, related_name="by_day", verbose_name=_("scenario"), db_index=False
    )
    version = models.ForeignKey(
        "mtrec.ModelVersion", models.CASCADE, null=True, related_name="+", verbose_name=_("version")
    )
    arm = models.CharField(_("arm"), max_length=32, blank=True)
    day = models.DateField(_("day"))
    answers = models.PositiveIntegerField(_("lists"), default=0)
    clicked = models.PositiveIntegerField(_("lists that led on"), default=0)
    clicks = models.PositiveIntegerField(_("clicks"), default=0)
    converted = models.PositiveIntegerField(_("lists that led to a conversion"), default=0)
    conversions = models.PositiveIntegerField(_("conversions"), default=0)
    revenue = models.FloatField(_("revenue"), default=0.0)

    class Meta:
        verbose_name = _("answers of a day")
        verbose_name_plural = _("answers by day")
        indexes = [models.Index(fields=["scenario", "day"], name="mtrec_answerday_scenario_day")]

    def __str__(self) -> str:
        return f"{self.scenario} {self.day}"


class PositionDay(models.Model):
    """The places of a scenario's lists on one day."""

    scenario = models.ForeignKey(
        "mtrec.Scenario", models.CASCADE, related_name="+", verbose_name=_("scenario"), db_index=False
    )
    day = models.DateField(_("day"))
    position = models.PositiveSmallIntegerField(_("position"))  # from 0
    shown = models.PositiveIntegerField(_("shown"), default=0)
    clicks = models.PositiveIntegerField(_("clicks"), default=0)

    class Meta:
        verbose_name = _("position of a day")
        verbose_name_plural = _("positions by day")
        constraints = [
            models.UniqueConstraint(fields=["scenario", "day", "position"], name="mtrec_positionday_position")
        ]

    def __str__(self) -> str:
        return f"{self.scenario_id} {self.day} {self.position}"


class ScenarioDay(models.Model):
    """One day of a scenario: who let himself be counted, and how much of the catalogue was shown."""

    scenario = models.ForeignKey(
        "mtrec.Scenario", models.CASCADE, related_name="days", verbose_name=_("scenario"), db_index=False
    )
    day = models.DateField(_("day"))
    consented = models.PositiveIntegerField(_("lists with consent"), default=0)
    refused = models.PositiveIntegerField(_("lists without consent"), default=0)
    crawled = models.PositiveIntegerField(_("lists for crawlers"), default=0)
    items_shown = models.PositiveIntegerField(
        _("items shown"), null=True, help_text=_("Different ones in the 28 days until this one.")
    )
    items_available = models.PositiveIntegerField(_("items available"), null=True)
    counted_at = models.DateTimeField(_("counted"), null=True)

    class Meta:
        verbose_name = _("day of a scenario")
        verbose_name_plural = _("days of scenarios")
        constraints = [models.UniqueConstraint(fields=["scenario", "day"], name="mtrec_scenarioday_scenario_day")]

    def __str__(self) -> str:
        return f"{self.scenario_id} {self.day}"


class Tally(models.Model):
    """Lists that one process gave in a minute; the job adds them to `ScenarioDay` and deletes them."""

    scenario = models.ForeignKey("mtrec.Scenario", models.CASCADE, related_name="+")
    day = models.DateField()
    consented = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    crawled = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")

    def __str__(self) -> str:
        return f"{self.scenario_id} {self.day}"
