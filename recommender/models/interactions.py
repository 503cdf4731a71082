"""What people did, and what they were shown."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from recommender.data.identifiers import KIND_PATTERN
from recommender.models.catalog import Catalog, DataImport
from recommender.models.items import Item
from recommender.models.runs import Run
from recommender.models.users import EndUser


class Interaction(models.Model):
    """One person met one item. Composite references (catalog, user) and (catalog, item), made in the migration, keep
    the three consistent, so the single-column ones are not enforced a second time."""

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    user = models.ForeignKey(
        EndUser, on_delete=models.CASCADE, related_name="interactions", db_index=False, db_constraint=False
    )
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="interactions", db_constraint=False)
    kind = models.CharField(max_length=32, help_text="rating, view, click, purchase, or a word of the client's own.")
    value = models.FloatField(null=True, blank=True)
    context = models.JSONField(null=True, blank=True)
    time = models.DateTimeField()
    event_key = models.UUIDField(
        editable=False, help_text="From the client's event id, else from the row and its occurrence."
    )
    recommendation_id = models.UUIDField(null=True, blank=True)
    data_import = models.ForeignKey(
        DataImport, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, db_constraint=False
    )
    received = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["catalog", "event_key"], name="interaction_event_key_unique"),
            models.CheckConstraint(condition=models.Q(kind__regex=KIND_PATTERN), name="interaction_kind_well_formed"),
        ]
        indexes = [models.Index(fields=["user", "time", "id"], name="interaction_history")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.item_id}"


class Impression(models.Model):
    """One answer: the items in the order shown, with scores and the probability that each was shown."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE)
    user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL)
    items = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())
    propensities = ArrayField(models.FloatField())
    offset = models.PositiveIntegerField(default=0, help_text="Rank of the first item less one.")
    context = models.JSONField(default=dict)
    time = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(items__len=models.F("scores__len"), scores__len=models.F("propensities__len")),
                name="impression_arrays_equal",
            )
        ]
        indexes = [models.Index(fields=["catalog", "time"], name="impression_time")]

    def __str__(self) -> str:
        return str(self.id)
