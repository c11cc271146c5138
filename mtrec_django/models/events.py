"""Who visits, and what they do."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Visitor(models.Model):
    """A signed-in user or an anonymous session; the second merges into the first at log-in."""

    key = models.UUIDField(
        _("key"),
        default=uuid.uuid4,
        unique=True,
        editable=False,
        help_text=_("What a browser or an API client knows the visitor by."),
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("user")
    )
    external_id = models.CharField(
        _("external id"),
        max_length=255,
        null=True,
        blank=True,
        unique=True,
        help_text=_("Name in an imported history."),
    )
    keyed_by = models.CharField(
        max_length=8, blank=True, db_default="", editable=False
    )  # the newest secret under which the external id, or a guest's key, is hashed; empty for none
    features = models.JSONField(_("features"), default=dict, blank=True)  # name -> text or number
    created_at = models.DateTimeField(_("first seen"), default=timezone.now)

    class Meta:
        verbose_name = _("visitor")
        verbose_name_plural = _("visitors")
        permissions = [("act_for_visitor", _("Can act for any visitor through the API"))]

    def __str__(self) -> str:
        if self.external_id:
            return self.external_id
        if self.user_id:
            return gettext("user %(id)s") % {"id": self.user_id}
        return gettext("guest %(key)s") % {"key": str(self.key)[:8]}


class Feedback(models.Model):
    """One event of a visitor on an item, explicit or implicit. Append-only."""

    visitor = models.ForeignKey(
        Visitor, models.CASCADE, related_name="feedback", verbose_name=_("visitor"), db_index=False
    )
    item = models.ForeignKey(
        "mtrec.Item", models.CASCADE, related_name="feedback", verbose_name=_("item"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=32)
    value = models.FloatField(_("value"), null=True, blank=True)
    time = models.DateTimeField(_("time"), default=timezone.now)
    scenario = models.ForeignKey(
        "mtrec.Scenario",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("scenario"),
        db_index=False,
    )
    recommendation = models.UUIDField(
        _("recommendation"), null=True, blank=True, help_text=_("The answer it came from.")
    )
    basket = models.CharField(_("basket"), max_length=64, blank=True, help_text=_("One order, one visit."))
    key = models.UUIDField(_("idempotency key"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        constraints = [models.UniqueConstraint(fields=["key"], name="mtrec_feedback_key")]
        indexes = [
            models.Index(
                fields=["visitor", "-time"], include=["item", "kind", "scenario"], name="mtrec_feedback_history"
            ),
            models.Index(fields=["item", "-time"], name="mtrec_feedback_item"),
            models.Index(fields=["-time"], name="mtrec_feedback_time"),
            models.Index(
                fields=["recommendation"],
                condition=models.Q(recommendation__isnull=False),
                name="mtrec_feedback_recommended",
            ),
        ]

    def __str__(self) -> str:
        words = {"kind": self.kind, "item": self.item, "visitor": self.visitor}
        return gettext("%(kind)s of %(item)s by %(visitor)s") % words


class Relation(models.Model):
    """Visitor to visitor: friend, follows, trusts."""

    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="relations", verbose_name=_("visitor"))
    other = models.ForeignKey(Visitor, models.CASCADE, related_name="related_by", verbose_name=_("other"))
    kind = models.CharField(_("kind"), max_length=32, default="friend")
    weight = models.FloatField(_("weight"), default=1.0)

    class Meta:
        verbose_name = _("relation")
        verbose_name_plural = _("relations")
        constraints = [models.UniqueConstraint(fields=["visitor", "other", "kind"], name="mtrec_relation_pair_kind")]

    def __str__(self) -> str:
        return f"{self.visitor} {self.kind} {self.other}"


class Recommendation(models.Model):
    """One answer: what was shown where, to whom, by which version. Its id signs the links."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.ForeignKey(
        Visitor,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="recommendations",
        verbose_name=_("visitor"),
        db_index=False,
    )
    scenario = models.ForeignKey(
        "mtrec.Scenario",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("scenario"),
        db_index=False,
    )
    version = models.ForeignKey(
        "mtrec.ModelVersion",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("version"),
        db_index=False,
    )
    context = models.ForeignKey(
        "mtrec.Item",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("on the page of"),
        db_index=False,
    )
    items = ArrayField(models.BigIntegerField(), verbose_name=_("items"))  # primary keys, by position
    sources = ArrayField(models.CharField(max_length=32), verbose_name=_("sources"))  # by position
    scores = ArrayField(models.FloatField(), verbose_name=_("scores"))  # by position
    arm = models.CharField(_("arm"), max_length=32, blank=True)
    created_at = models.DateTimeField(_("shown"), default=timezone.now)

    class Meta:
        verbose_name = _("recommendation")
        verbose_name_plural = _("recommendations")
        indexes = [
            models.Index(fields=["scenario", "-created_at"], name="mtrec_recommendation_recent"),
            models.Index(fields=["-created_at"], name="mtrec_recommendation_time"),
            models.Index(fields=["visitor", "-created_at"], name="mtrec_recommendation_visitor"),
        ]

    def __str__(self) -> str:
        return str(self.id)
