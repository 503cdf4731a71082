"""What a run's configuration reaches under a protocol other than the one that every run is measured by."""

from __future__ import annotations

from django.db import models

from recommender.models.leased import Leased
from recommender.models.runs import Run


class Measurement(Leased):
    """One protocol carried out on a run's configuration: trained on its training part, measured on its test.

    One that is taken up again begins anew: nothing is kept between but the row.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="measurements")
    protocol = models.CharField(max_length=20)
    shots = models.PositiveSmallIntegerField(null=True, blank=True, help_text="What is known of a new person or item.")
    metrics = models.JSONField(default=dict, help_text='{"ndcg@10": {"value", "low", "high"}, …}')
    details = models.JSONField(default=dict, help_text="Threshold, calibration, reliability table, figures of folds.")
    people = models.PositiveIntegerField(null=True, blank=True)
    person_metrics = models.CharField(max_length=500, blank=True, help_text="Parquet, a row per person.")

    def __str__(self) -> str:
        return f"{self.run} by {self.protocol}"
