"""Jobs as rows: who asked, how far they are, how they ended."""

from __future__ import annotations

import os
import socket
from typing import Any

from django.conf import settings
from django.db import models, router
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import locks

AGAIN = "waiting to try again"
"""The step of a run whose task will try again; its error says why."""

DIED = {"died": True}
"""The report of a run whose worker died."""


class RunQuerySet(models.QuerySet["Run"]):
    """What one asks of runs."""

    def unfinished(self) -> RunQuerySet:
        return self.filter(status__in=[Run.Status.QUEUED, Run.Status.RUNNING])

    def reap(self) -> int:
        """Mark as failed every run whose worker is gone: a worker holds a lock that dies with its connection.

        What is running is read before the locks are: a worker takes its lock first and says so then. And only who
        holds the lock himself calls a run dead, so one that is taken up again in this moment goes on.
        """
        running = set(self.filter(status=Run.Status.RUNNING).values_list("pk", flat=True))
        if not running:
            return 0
        taken = locks.held(using=router.db_for_write(Run))
        return sum(run._bury() for run in self.filter(pk__in={pk for pk in running if pk % 2**31 not in taken}))


class Run(models.Model):
    """One job off-line, with its progress while it runs."""

    class Kind(models.TextChoices):
        TRAIN = "train", _("base training")
        TRANSFER = "transfer", _("transfer")
        SYNC = "sync", _("sync")
        IMPORT = "import", _("import")

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    scenario = models.ForeignKey(
        "mtrec.Scenario", models.CASCADE, null=True, blank=True, related_name="runs", verbose_name=_("scenario")
    )
    version = models.ForeignKey(
        "mtrec.ModelVersion", models.SET_NULL, null=True, blank=True, related_name="runs", verbose_name=_("version")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    step = models.CharField(_("step"), max_length=200, blank=True)
    done = models.BigIntegerField(_("done"), default=0)
    total = models.BigIntegerField(_("of"), default=0)
    cancel_requested = models.BooleanField(default=False, editable=False)
    options = models.JSONField(_("options"), default=dict, blank=True)
    report = models.JSONField(_("report"), default=dict, blank=True)
    error = models.TextField(_("error"), blank=True)
    worker = models.CharField(_("worker"), max_length=255, blank=True)
    task_id = models.CharField(_("task"), max_length=64, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    step_started_at = models.DateTimeField(null=True, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["status"], condition=Q(status__in=["queued", "running"]), name="mtrec_run_unfinished")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.scenario or ''}".strip() + f" #{self.pk}"

    @property
    def is_finished(self) -> bool:
        return self.status not in (self.Status.QUEUED, self.Status.RUNNING)

    @property
    def percent(self) -> float | None:
        """How far the step is, 0 to 100; None while its length is unknown."""
        return min(100.0, 100.0 * self.done / self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """Time left of the step, from its pace so far."""
        if self.status != self.Status.RUNNING or not self.step_started_at or not self.done or not self.total:
            return None
        spent = ((self.heartbeat_at or timezone.now()) - self.step_started_at).total_seconds()
        return max(0.0, spent * (self.total - self.done) / self.done)

    def lock(self) -> bool:
        """Take this run's advisory lock on this connection, if no other has it; it goes when the connection does."""
        return locks.take(self.pk % 2**31, using=router.db_for_write(Run))

    def unlock(self) -> None:
        locks.release(self.pk % 2**31, using=router.db_for_write(Run))

    def _bury(self) -> bool:
        if not self.lock():
            return False
        try:
            dead = Run.objects.filter(pk=self.pk, status=self.Status.RUNNING)
            words = gettext("The worker died in the middle of this run; ask for another.")
            changes = {"status": self.Status.FAILED, "error": words, "report": DIED, "finished_at": timezone.now()}
            return bool(dead.update(**changes))
        finally:
            self.unlock()

    def claim(self, task_id: str = "") -> bool:
        """Begin: true for exactly one worker, even when the broker delivers twice."""
        if not self.lock():
            return False
        now = timezone.now()
        open_to_me = Q(status__in=[self.Status.QUEUED, self.Status.RUNNING])
        if task_id:  # its database was away, somebody called it dead, and its task comes back
            open_to_me |= Q(status=self.Status.FAILED, report=DIED, task_id=task_id)
        claimed = (
            Run.objects.filter(pk=self.pk)
            .filter(open_to_me)
            .update(
                status=self.Status.RUNNING,
                error="",
                report={},
                finished_at=None,
                started_at=now,
                step_started_at=now,
                heartbeat_at=now,
                worker=f"{socket.gethostname()} {os.getpid()}",
                task_id=task_id,
            )
        )
        if not claimed:
            self.unlock()
            return False
        self.refresh_from_db()
        return True

    def progress(self, step: str, done: int, total: int) -> bool:
        """Write how far it is; false when somebody asked to cancel."""
        now = timezone.now()
        changes: dict[str, Any] = {"step": step[:200], "done": done, "total": total, "heartbeat_at": now}
        if step != self.step:
            # Steps may take turns (train, validate, train): the pace of one counts from its first beginning.
            began: dict[str, Any] = self.__dict__.setdefault("_began", {})
            changes["step_started_at"] = began.setdefault(step, now)
        Run.objects.filter(pk=self.pk).update(**changes)
        for name, value in changes.items():
            setattr(self, name, value)
        return not Run.objects.filter(pk=self.pk, cancel_requested=True).exists()

    def put_back(self, why: str) -> None:
        """Wait for the task that was at it to try again, and let the lock go."""
        self.status, self.step, self.error = self.Status.QUEUED, AGAIN, why
        Run.objects.filter(pk=self.pk).update(status=self.status, step=self.step, error=self.error)
        self.unlock()

    def cancel(self) -> None:
        """Ask the worker to stop at its next sign of progress; a run nobody has begun ends at once."""
        Run.objects.filter(pk=self.pk).update(cancel_requested=True)
        Run.objects.filter(pk=self.pk, status=self.Status.QUEUED).update(
            status=self.Status.CANCELLED, finished_at=timezone.now()
        )
        self.refresh_from_db()

    def finish(self, status: str, *, error: str = "", **changes: Any) -> None:
        """End, whatever way, and let the lock go."""
        changes |= {"status": status, "error": error, "finished_at": timezone.now()}
        Run.objects.filter(pk=self.pk).update(**changes)
        for name, value in changes.items():
            setattr(self, name, value)
        self.unlock()
