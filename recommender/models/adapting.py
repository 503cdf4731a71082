"""What recommenders that adapt have learned of single people, and the work of learning it of many."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from recommender.models.catalog import Catalog
from recommender.models.leased import Leased
from recommender.models.runs import Run
from recommender.models.users import EndUser


class AdaptedState(models.Model):
    """One person as a run has adapted to them: numbers only (algorithms.adapted). It holds for exactly the events and
    attributes it saw; it goes with the person and with the run."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="adapted_states", db_index=False)
    user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="adapted_states")
    last_event = models.BigIntegerField(null=True, help_text="Key of the newest event it saw; none where none was.")
    mark = models.CharField(max_length=200, help_text="Tells what it saw and by which weights from anything else.")
    payload = models.BinaryField()
    made = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "user"], name="adapted_state_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.run_id} sees them"


class Adaptation(models.Model):
    """Adapting a run to everyone who is new or has changed, in shards that workers share."""

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="adaptations")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="adaptations")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"adapting {self.run}"


class AdaptationShard(Leased):
    """A part of the people, by key: those from `low` to `high`, of whom those up to `reached` are done."""

    adaptation = models.ForeignKey(Adaptation, on_delete=models.CASCADE, related_name="shards")
    low = models.BigIntegerField()
    high = models.BigIntegerField()
    reached = models.BigIntegerField(null=True, blank=True)
    people = models.PositiveIntegerField(default=0, help_text="How many were looked at.")
    adapted = models.PositiveIntegerField(default=0, help_text="How many were new or had changed.")

    class Meta(Leased.Meta):
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.adaptation}, {self.low} to {self.high}"
