"""What every kind of work that a worker does under a lease has in common (see services.leases, services.work)."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Leased(models.Model):
    """Work that waits for a worker, is held by one, or is over.

    A worker holds a lease (`worker`, `heartbeat`); a row whose heartbeat is old belongs to nobody and is taken up by
    the next worker.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    LIVE = (Status.QUEUED, Status.RUNNING)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    phase = models.CharField(max_length=100, blank=True, help_text="What is being done now, in words.")
    progress = models.FloatField(default=0.0)
    finishes = models.DateTimeField("estimated end", null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    worker = models.CharField(max_length=200, blank=True, help_text="Who holds the lease.")
    heartbeat = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, help_text="One line.")
    traceback = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["queued", "running", "succeeded", "failed", "cancelled"]),
                name="%(class)s_status_known",
            ),
            models.CheckConstraint(condition=models.Q(progress__range=(0, 1)), name="%(class)s_progress_range"),
        ]
