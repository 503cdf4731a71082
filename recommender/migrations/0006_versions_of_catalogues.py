"""A version per catalog that the database itself raises with every change of its items or declared attributes."""

import django.db.models.deletion
from django.db import migrations, models

FUNCTIONS = """
CREATE FUNCTION recommender_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one bigint;
BEGIN
    FOR one IN SELECT DISTINCT catalog_id FROM changed LOOP
        UPDATE recommender_catalogueversion SET version = version + 1 WHERE id = (
            SELECT id FROM recommender_catalogueversion WHERE catalog_id = one
            ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
        );
        IF NOT FOUND THEN
            INSERT INTO recommender_catalogueversion (catalog_id, version) VALUES (one, 1);
        END IF;
    END LOOP;
    RETURN NULL;
END $$
"""


def triggers(table: str) -> list[migrations.RunSQL]:
    found = []
    for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        name = f"{table}_{event.lower()}_changes_catalogue"
        made = (
            f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION recommender_catalogue_changed()"
        )
        found.append(migrations.RunSQL(made, f"DROP TRIGGER {name} ON {table}"))
    return found


class Migration(migrations.Migration):
    dependencies = [("recommender", "0005_imports_previewed_undone_runs_prepared")]

    operations = [
        migrations.CreateModel(
            name="CatalogueVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "catalog",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="recommender.catalog",
                    ),
                ),
                ("version", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(FUNCTIONS, "DROP FUNCTION recommender_catalogue_changed()"),
        *triggers("recommender_item"),
        *triggers("recommender_attribute"),
    ]
