"""What a run's configuration reaches under a protocol other than the one that every run is measured by."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from recommender.models.runs import Run


class Measurement(models.Model):
    """One protocol carried out on a run's configuration: trained on its training part, measured on its test.

    It is worked on under a lease as a run is (see services.leases). One that is taken up again begins anew: nothing is
    kept between but the row.
    """

    Status = Run.Status
    LIVE = Run.LIVE
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="measurements")
    protocol = models.CharField(max_length=20)
    shots = models.PositiveSmallIntegerField(null=True, blank=True, help_text="What is known of a new person or item.")
    status = models.CharField(max_length=10, choices=Run.Status, default=Run.Status.QUEUED)
    phase = models.CharField(max_length=100, blank=True)
    progress = models.FloatField(default=0.0)
    finishes = models.DateTimeField("estimated end", null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    worker = models.CharField(max_length=200, blank=True, help_text="Who holds the lease.")
    heartbeat = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    metrics = models.JSONField(default=dict, help_text='{"ndcg@10": {"value", "low", "high"}, …}')
    details = models.JSONField(default=dict, help_text="Threshold, calibration, reliability table, figures of folds.")
    people = models.PositiveIntegerField(null=True, blank=True)
    person_metrics = models.CharField(max_length=500, blank=True, help_text="Parquet, a row per person.")
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["queued", "running", "succeeded", "failed", "cancelled"]),
                name="measurement_status_known",
            ),
            models.CheckConstraint(condition=models.Q(progress__range=(0, 1)), name="measurement_progress_range"),
        ]

    def __str__(self) -> str:
        return f"{self.run} by {self.protocol}"
