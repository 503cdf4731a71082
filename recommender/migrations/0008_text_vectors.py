"""Text vectors know the text they came from, are found by nearness, and someone works on them per catalog.

Items without a vector are not in the index, so that an import, which makes none, is as fast as before.
"""

import django.db.models.deletion
import pgvector.django
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recommender", "0007_audit_trail")]

    operations = [
        migrations.AddField(
            "item",
            "text_version",
            models.CharField(
                blank=True,
                db_default="",
                editable=False,
                help_text="Which text, and which encoder, the vector came from.",
                max_length=32,
            ),
        ),
        migrations.AddIndex(
            "item",
            pgvector.django.HnswIndex(
                fields=["text_vector"],
                m=16,
                ef_construction=64,
                name="item_text_vector",
                opclasses=["vector_cosine_ops"],
            ),
        ),
        migrations.CreateModel(
            "TextEncoding",
            fields=[
                (
                    "catalog",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="text_encoding",
                        serialize=False,
                        to="recommender.catalog",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "waiting"),
                            ("running", "running"),
                            ("succeeded", "done"),
                            ("failed", "failed"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("done", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(default=0)),
                ("worker", models.CharField(blank=True, help_text="Who holds it.", max_length=200)),
                ("heartbeat", models.DateTimeField(blank=True, null=True)),
                ("requested", models.DateTimeField(auto_now_add=True, help_text="When it was last asked for.")),
                ("finished", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(status__in=["queued", "running", "succeeded", "failed"]),
                        name="text_encoding_status_known",
                    )
                ],
            },
        ),
    ]
