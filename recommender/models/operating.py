"""What goes on around a deployed recommender: lists for everyone as a file, and retraining by night."""

from __future__ import annotations

from django.db import models

from recommender.models.catalog import Catalog
from recommender.models.leased import Leased
from recommender.models.runs import Run


class Batch(Leased):
    """Recommendations for everyone in a catalog, written to a file."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSON lines"

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="batches")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="batches")
    n = models.PositiveIntegerField(default=10, help_text="Items a person.")
    format = models.CharField(max_length=5, choices=Format, default=Format.CSV)
    people = models.PositiveIntegerField(null=True, blank=True)
    rows = models.PositiveBigIntegerField(null=True, blank=True)
    path = models.CharField(max_length=500, blank=True, help_text="The file in the storage.")

    def __str__(self) -> str:
        return f"lists of {self.run}"


class RetrainingPlan(models.Model):
    """Whether a catalog's deployed recommender is trained anew each night, and at what hour (UTC)."""

    catalog = models.OneToOneField(Catalog, on_delete=models.CASCADE, related_name="retraining_plan")
    on = models.BooleanField(default=False)
    hour = models.PositiveSmallIntegerField(default=3)
    last = models.DateField(null=True, blank=True, help_text="The day on which it was last begun.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(hour__lte=23), name="retraining_hour_range")]

    def __str__(self) -> str:
        return f"{self.catalog}: {'on' if self.on else 'off'}, {self.hour}:00"


class Retraining(models.Model):
    """One retraining: the run that was made like the deployed one, and what was decided about it and why."""

    class Decision(models.TextChoices):
        OPEN = "open", "not decided yet"
        DEPLOYED = "deployed", "put into service"
        KEPT = "kept", "the one before stays"

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="retrainings")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    against = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    decision = models.CharField(max_length=8, choices=Decision, default=Decision.OPEN)
    reason = models.CharField(max_length=500, blank=True, help_text="One line, for people.")
    created = models.DateTimeField(auto_now_add=True)
    decided = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decision__in=["open", "deployed", "kept"]), name="retraining_decision_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.run}: {self.get_decision_display()}"
