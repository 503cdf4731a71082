"""What is kept of explanations and disparities: answers, and examinations, audits and sweeps that a worker does."""

from __future__ import annotations

from django.db import models

from recommender.models import Catalog, EndUser, Item, Run
from recommender.models.leased import Leased


class Explanation(models.Model):
    """An answer to "why this?", kept while what it came from stays as it is; it dies with its person, item and run.

    `asked` holds method and target, `mark` tells the weights, the person's history and attributes, and the catalog's
    items apart: an answer with another mark is made anew.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="+")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    asked = models.CharField(max_length=300)
    mark = models.CharField(max_length=200)
    document = models.JSONField()
    made = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "item", "run", "asked"], name="explanation_once"),
        ]

    def __str__(self) -> str:
        return f"{self.item} for {self.user} by {self.run}"


class Examination(Leased):
    """Many explanations of one run together: how far they can be trusted, what counts for everyone, or a file of them.

    One that is taken up again begins anew: nothing is kept between but the row.
    """

    class Kind(models.TextChoices):
        TRUST = "trust", "how far explanations can be trusted"
        GLOBAL = "global", "what counts for everyone"
        BULK = "bulk", "explanations as a file"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="examinations")
    kind = models.CharField(max_length=10, choices=Kind)
    settings = models.JSONField(default=dict, help_text="What was asked: people, methods, seed …")
    results = models.JSONField(default=dict)
    people = models.PositiveIntegerField(null=True, blank=True)
    path = models.CharField(max_length=500, blank=True, help_text="Rows about people (Parquet or JSON lines).")

    class Meta(Leased.Meta):
        constraints = [
            *Leased.Meta.constraints,
            models.CheckConstraint(condition=models.Q(kind__in=["trust", "global", "bulk"]), name="examination_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.run}"


class DisparityPlan(models.Model):
    """Whether a catalog is audited by itself, how often, on what, and from which figures on it raises an alert."""

    catalog = models.OneToOneField(Catalog, on_delete=models.CASCADE, related_name="disparity_plan")
    on = models.BooleanField(default=False)
    days = models.PositiveSmallIntegerField(default=7, help_text="Days from one audit to the next.")
    settings = models.JSONField(default=dict, blank=True, help_text="As those of an audit; its source too.")
    thresholds = models.JSONField(default=dict, blank=True, help_text='By figure: {"gap:ndcg@10": 0.05, "gini": 0.9}.')
    last = models.DateTimeField(null=True, blank=True, help_text="When the newest audit by it was begun.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(days__range=(1, 365)), name="disparity_plan_days")]

    def __str__(self) -> str:
        return f"{self.catalog}: {'every ' + str(self.days) + ' days' if self.on else 'off'}"


class DisparityAudit(Leased):
    """Who is treated worse: by the lists a run makes on its held-out data, or by what was served (then `run` is the one
    whose answers are looked at, or none for all).

    One that is taken up again begins anew: nothing is kept between but the row.
    """

    class Source(models.TextChoices):
        HELD_OUT = "held-out", "lists on held-out data"
        SERVED = "served", "what was served"

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="disparity_audits")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.CASCADE, related_name="disparity_audits")
    plan = models.ForeignKey(DisparityPlan, null=True, blank=True, on_delete=models.SET_NULL, related_name="audits")
    source = models.CharField(max_length=8, choices=Source, default=Source.HELD_OUT)
    settings = models.JSONField(default=dict, help_text="What was asked: groups, k, resamples, seed …")
    results = models.JSONField(default=dict)
    alerts = models.JSONField(default=list, help_text="What passed the plan's thresholds, a sentence each.")
    people = models.PositiveIntegerField(null=True, blank=True)
    path = models.CharField(max_length=500, blank=True, help_text="A row per person (Parquet), to compare audits.")

    class Meta(Leased.Meta):
        constraints = [
            *Leased.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(source="served") | models.Q(source="held-out", run__isnull=False),
                name="disparity_audit_source",
            ),
        ]
        indexes = [models.Index(fields=["catalog", "-id"], name="disparity_audit_latest")]

    def __str__(self) -> str:
        return f"disparities #{self.pk}: {self.run or self.catalog}"


class RemedySweep(Leased):
    """One remedy at several strengths, each measured on the run's held-out data: what it costs and what it brings.

    One that is taken up again begins anew, but for the runs that were trained for it.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="remedy_sweeps")
    remedy = models.CharField(max_length=32)
    settings = models.JSONField(default=dict, help_text="What was asked: strengths, classes, groups, k, seed …")
    results = models.JSONField(default=dict)
    people = models.PositiveIntegerField(null=True, blank=True)
    path = models.CharField(max_length=500, blank=True, help_text="A row per person and strength (Parquet).")

    def __str__(self) -> str:
        return f"{self.remedy} #{self.pk}: {self.run}"
