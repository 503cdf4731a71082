"""What can be recommended."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Now
from pgvector.django import HnswIndex, VectorField

from recommender.models.catalog import Catalog
from recommender.models.fields import attributes_field, attributes_rule, client_id_field, client_id_rules

TEXT_VECTOR_SIZE = 384


class Item(models.Model):
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="items")
    client_id = client_id_field()
    title = models.CharField(max_length=1000, blank=True, db_default="")
    description = models.TextField(blank=True, db_default="")
    categories = ArrayField(models.CharField(max_length=200), default=list, blank=True, db_default=[])
    creators = ArrayField(models.CharField(max_length=200), default=list, blank=True, db_default=[])
    year = models.SmallIntegerField(null=True, blank=True)
    released = models.DateField(null=True, blank=True)
    price = models.FloatField(null=True, blank=True)
    image = models.URLField("image address", max_length=2000, blank=True, db_default="")
    attributes = attributes_field()
    text_vector = VectorField(dimensions=TEXT_VECTOR_SIZE, null=True, blank=True, editable=False)
    text_version = models.CharField(
        max_length=32,
        blank=True,
        db_default="",
        editable=False,
        help_text="Which text, and which encoder, the vector came from.",
    )
    hidden = models.BooleanField(default=False, db_default=False, help_text="A hidden item is never recommended.")
    created = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        constraints = [
            *client_id_rules("item"),
            attributes_rule("item"),
            models.CheckConstraint(condition=models.Q(year__range=(-3000, 3000)), name="item_year_range"),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="item_price_range"),
        ]
        indexes = [
            GinIndex(fields=["categories"], name="item_categories"),
            GinIndex(fields=["attributes"], name="item_attributes"),
            GinIndex(SearchVector("title", config="simple"), name="item_title_words"),
            HnswIndex(
                fields=["text_vector"],
                name="item_text_vector",
                m=16,
                ef_construction=64,
                opclasses=["vector_cosine_ops"],
            ),
            models.Index(fields=["catalog"], name="item_hidden", condition=models.Q(hidden=True)),
        ]

    def __str__(self) -> str:
        return self.title or self.client_id


class CatalogueVersion(models.Model):
    """Parts of a number that grows with every committed change of a catalog's items or declared attributes.

    A trigger raises the first part that no other transaction holds, or adds one: writers never wait for each other,
    and the sum over a catalog's parts tells any two committed states apart. Rows of a deleted catalog do no harm.
    """

    catalog = models.ForeignKey(Catalog, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    version = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.catalog_id}: {self.version}"
