"""People who receive recommendations (not logins)."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from recommender.models.catalog import Catalog
from recommender.models.fields import attributes_field, attributes_rule, client_id_field, client_id_rules


class EndUser(models.Model):
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="users")
    client_id = client_id_field()
    attributes = attributes_field()
    created = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [*client_id_rules("user"), attributes_rule("user")]
        indexes = [GinIndex(fields=["attributes"], name="user_attributes")]

    def __str__(self) -> str:
        return self.client_id
