"""Lists made for many visitors at once, kept until they are sent."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .events import Recommendation, Visitor
from .runs import Run


class Batch(models.Model):
    """What was asked for: the lists of all visitors in one scenario, made in chunks that workers share."""

    scenario = models.ForeignKey("mtrec.Scenario", models.CASCADE, related_name="batches", verbose_name=_("scenario"))
    n = models.PositiveSmallIntegerField(_("items of a list"), default=10)
    rules = models.JSONField(_("rules"), default=dict, blank=True)
    created_at = models.DateTimeField(_("asked for"), default=timezone.now)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("batch of lists")
        verbose_name_plural = _("batches of lists")

    def __str__(self) -> str:
        return gettext("batch %(number)d of %(scenario)s") % {"number": self.pk, "scenario": self.scenario}

    @property
    def waiting(self) -> models.QuerySet[BatchChunk]:
        """Chunks that are not made yet; none of a batch that was cancelled."""
        return self.chunks.filter(done_at__isnull=True, batch__cancelled_at__isnull=True).order_by("pk")

    def cancel(self) -> None:
        """Make no more of it: the chunk that a worker is at is its last, and what is made stays."""
        type(self).objects.filter(pk=self.pk, cancelled_at__isnull=True).update(cancelled_at=timezone.now())
        self.refresh_from_db(fields=["cancelled_at"])

    def status_of(self, chunks: int, made: int) -> Run.Status:
        """How it is with so many of so many chunks made; none is a failure, as what was not made can be made yet."""
        if made >= chunks:
            return Run.Status.SUCCEEDED
        if self.cancelled_at is not None:
            return Run.Status.CANCELLED
        return Run.Status.RUNNING if made else Run.Status.QUEUED

    def totals(self) -> dict[str, Any]:
        """How far it is: chunks, how many of them are made, lists, and the seconds that workers spent."""
        return self.chunks.aggregate(
            chunks=models.Count("pk"),
            made=models.Count("done_at"),
            lists=models.Sum("lists", default=0),
            seconds=models.Sum("seconds", default=0.0),
        )


class BatchChunk(models.Model):
    """Some of a batch's visitors, made by one worker in one transaction."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="chunks")
    first = models.BigIntegerField()  # primary key of a visitor
    last = models.BigIntegerField()
    lists = models.IntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    queued_at = models.DateTimeField(null=True)  # or left to whoever asked
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("chunk of a batch")
        verbose_name_plural = _("chunks of batches")

    def __str__(self) -> str:
        return f"visitors {self.first} to {self.last} of {self.batch}"


class BatchList(models.Model):
    """One visitor's list. Its id is that of the recommendation it becomes when it is sent, so it may sign links."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    batch = models.ForeignKey(Batch, models.CASCADE, related_name="lists", db_index=False)
    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="+")
    version = models.ForeignKey("mtrec.ModelVersion", models.SET_NULL, null=True, related_name="+", db_index=False)
    arm = models.CharField(max_length=32, blank=True)
    items = ArrayField(models.BigIntegerField())  # primary keys, by position
    sources = ArrayField(models.CharField(max_length=32))  # by position
    scores = ArrayField(models.FloatField())  # by position

    class Meta:
        verbose_name = _("list of a batch")
        verbose_name_plural = _("lists of batches")
        constraints = [models.UniqueConstraint(fields=["batch", "visitor"], name="mtrec_batchlist_batch_visitor")]

    def __str__(self) -> str:
        return f"list of {self.visitor_id} in batch {self.batch_id}"

    def mark_sent(self) -> Recommendation:
        """Store that it was shown, so that clicks on it count; twice is as once."""
        values = {
            "visitor_id": self.visitor_id,
            "scenario_id": self.batch.scenario_id,
            "version_id": self.version_id,
            "arm": self.arm,
            "items": self.items,
            "sources": self.sources,
            "scores": self.scores,
        }
        return Recommendation.objects.get_or_create(pk=self.pk, defaults=values)[0]
