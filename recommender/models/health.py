"""What was found out about the health of a catalog's data."""

from __future__ import annotations

from django.db import models

from recommender.models.catalog import Catalog


class HealthReport(models.Model):
    """The latest report of a catalog. It names people by key, so an erasure deletes it."""

    catalog = models.OneToOneField(Catalog, on_delete=models.CASCADE, related_name="health_report")
    stamp = models.CharField(max_length=100, blank=True, help_text="The state of the data that it is about.")
    content = models.JSONField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    requested = models.DateTimeField(null=True, blank=True)
    computed = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"health of {self.catalog}"
