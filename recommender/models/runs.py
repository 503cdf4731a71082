"""Trainings, what they left behind, and which of them serves."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from recommender.models.catalog import Catalog
from recommender.models.leased import Leased


class Run(Leased):
    """One training of an algorithm; whoever takes it up again goes on from its last checkpoint."""

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="runs")
    algorithm = models.CharField(max_length=32)
    config = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    preparation = models.JSONField(
        default=dict, blank=True, help_text="How the data are prepared; {} leaves all as is."
    )
    preparation_report = models.JSONField(
        default=dict, blank=True, help_text="What that did: before and after, by step."
    )
    curve = models.JSONField(default=list, help_text="A row per epoch: phase, epoch, metrics, seconds.")
    metrics = models.JSONField(default=dict, help_text='{"ndcg@10": {"value", "low", "high"}, …} on the held-out data.')
    details = models.JSONField(
        default=dict, blank=True, help_text="What belongs to the metrics: threshold, reliability table."
    )
    people = models.PositiveIntegerField(null=True, blank=True, help_text="How many the metrics are over.")
    person_metrics = models.CharField(
        max_length=500, blank=True, help_text="Parquet, a row per person, in the storage."
    )
    parents = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="children",
        help_text="Runs of the recommenders that this one is made of.",
    )  # fmt: skip
    made_for = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="made",
        help_text="The run that asked for this one as its parent.",
    )  # fmt: skip
    bounds = models.JSONField(
        null=True, blank=True, help_text='The newest rows it learns from: {"user", "item", "interaction"}.'
    )
    code_version = models.CharField(max_length=64, blank=True)
    data_fingerprint = models.CharField(max_length=64, blank=True)
    durations = models.JSONField(default=dict, help_text="Seconds per phase.")
    peak_memory = models.BigIntegerField("peak memory in bytes", null=True, blank=True)

    class Meta(Leased.Meta):
        indexes = [
            models.Index(fields=["catalog", "-id"], name="run_latest"),
            models.Index(fields=["status"], name="run_live", condition=models.Q(status__in=["queued", "running"])),
        ]

    def __str__(self) -> str:
        return f"{self.algorithm} #{self.pk}"


class Checkpoint(models.Model):
    """Weights of a run in the storage: `resume` (the last epoch's), `choosing` (has not seen the validation's targets,
    for recommenders made of others), `measured` (its metrics are the run's) and `final` (refitted on everything; serves
    and exports)."""

    class Purpose(models.TextChoices):
        RESUME = "resume", "to continue from"
        CHOOSING = "choosing", "while validation chose"
        MEASURED = "measured", "measured on held-out data"
        FINAL = "final", "trained on everything"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="checkpoints")
    purpose = models.CharField(max_length=8, choices=Purpose)
    phase = models.CharField(max_length=20, blank=True, help_text="Which fit of the run it belongs to.")
    epoch = models.PositiveIntegerField(default=0)
    path = models.CharField(max_length=500, help_text="Folder in the storage.")
    size = models.BigIntegerField(default=0)
    created = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "purpose"], name="checkpoint_unique"),
            models.CheckConstraint(
                condition=models.Q(purpose__in=["resume", "choosing", "measured", "final"]),
                name="checkpoint_purpose_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run}: {self.purpose}"


class Deployment(models.Model):
    """A run was put into service; the latest row of a catalog serves."""

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="deployments", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="deployments")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["catalog", "-id"], name="deployment_latest")]

    def __str__(self) -> str:
        return f"{self.run} serves {self.catalog}"
