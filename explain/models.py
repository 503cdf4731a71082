"""What is kept of explanations: answers that were worked out, and examinations that a worker carries out."""

from __future__ import annotations

from django.db import models

from recommender.models import EndUser, Item, Run
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
