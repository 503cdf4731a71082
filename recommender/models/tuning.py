"""Searches over an algorithm's settings, and what each of their trials came to."""

from __future__ import annotations

from django.db import models

from recommender.models.catalog import Catalog
from recommender.models.leased import Leased


class Study(Leased):
    """A search: so many trials of an algorithm on a catalog, judged by validation alone.

    One that is taken up again goes on with the trial it was at, on the rows it had seen.
    """

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="studies")
    algorithm = models.CharField(max_length=32)
    wanted = models.PositiveSmallIntegerField(help_text="Trials to make.")
    only = models.JSONField(default=list, blank=True, help_text="Names of the settings to vary; [] varies all.")
    metric = models.CharField(max_length=20, default="ndcg@10", help_text="On the validation's answers.")
    seed = models.BigIntegerField(default=0)
    bounds = models.JSONField(null=True, blank=True, help_text="The newest rows it learns from.")
    features = models.JSONField(default=dict, help_text="What the data are like: logarithms of sizes, Gini.")
    importance = models.JSONField(default=dict, help_text="Share of each setting in how results differ.")

    class Meta(Leased.Meta):
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return f"tuning of {self.algorithm} #{self.pk}"


class Trial(models.Model):
    """One choice of settings, trained on the training part and judged by validation."""

    class State(models.TextChoices):
        RUNNING = "running", "under way"
        DONE = "done", "done"
        PRUNED = "pruned", "ended early"
        FAILED = "failed", "failed"

    class Origin(models.TextChoices):
        DEFAULT = "default", "the defaults"
        ALIKE = "alike", "best on data that look alike"
        SEARCH = "search", "proposed by the search"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveSmallIntegerField(help_text="From 1.")
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.SEARCH)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    config = models.JSONField(help_text="All settings, as a run takes them.")
    found = models.JSONField(help_text="Values in the scales of the search.")
    value = models.FloatField(null=True, blank=True, help_text="The metric on validation.")
    curve = models.JSONField(default=list, help_text="The metric as training reported it.")
    seconds = models.FloatField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="One line.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="trial_unique"),
            models.CheckConstraint(
                condition=models.Q(state__in=["running", "done", "pruned", "failed"]), name="trial_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study}, trial {self.number}"
