"""The turning of a catalog's texts into vectors, as work that someone does."""

from __future__ import annotations

from django.db import models

from recommender.models.catalog import Catalog


class TextEncoding(models.Model):
    """One row per catalog: whether its texts are being encoded, how far that is, and who does it.

    The vectors themselves are the items' own; an item whose text has changed is simply encoded again.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "done"
        FAILED = "failed", "failed"

    catalog = models.OneToOneField(Catalog, on_delete=models.CASCADE, primary_key=True, related_name="text_encoding")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True, help_text="Who holds it.")
    heartbeat = models.DateTimeField(null=True, blank=True)
    requested = models.DateTimeField(auto_now_add=True, help_text="When it was last asked for.")
    finished = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["queued", "running", "succeeded", "failed"]),
                name="text_encoding_status_known",
            )
        ]

    def __str__(self) -> str:
        return f"texts of {self.catalog}"
