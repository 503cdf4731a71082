"""Attributes of people and items are JSON objects; what else was typed into the admin is kept under "value"."""

import django.db.models.lookups
from django.db import migrations, models

import recommender.models.fields

WRAP = """
    UPDATE {table} SET attributes = jsonb_build_object('value', attributes) WHERE jsonb_typeof(attributes) <> 'object'
"""


def rule(table: str) -> models.CheckConstraint:
    kind = models.Func(models.F("attributes"), function="jsonb_typeof", output_field=models.TextField())
    return models.CheckConstraint(
        condition=django.db.models.lookups.Exact(kind, models.Value("object")),
        name=f"{table}_attributes_object",
        violation_error_message="Attributes are a JSON object.",
    )


def checked() -> models.JSONField:
    return models.JSONField(blank=True, default=dict, validators=[recommender.models.fields.validate_attributes])


class Migration(migrations.Migration):
    dependencies = [("recommender", "0003_groups_of_logins")]

    operations = [
        *(
            migrations.RunSQL(WRAP.format(table=f"recommender_{name}"), migrations.RunSQL.noop)
            for name in ("enduser", "item")
        ),
        migrations.AlterField("enduser", "attributes", checked()),
        migrations.AlterField("item", "attributes", checked()),
        migrations.AddConstraint("enduser", rule("user")),
        migrations.AddConstraint("item", rule("item")),
    ]
