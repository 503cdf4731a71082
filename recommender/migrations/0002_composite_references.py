"""Interactions refer to (catalog, user) and (catalog, item), so that no row can mix two catalogs."""

from django.db import migrations


def reference(column: str, table: str) -> migrations.RunSQL:
    name = f"interaction_catalog_{column}"
    return migrations.RunSQL(
        f"""ALTER TABLE recommender_interaction ADD CONSTRAINT {name}
            FOREIGN KEY (catalog_id, {column}) REFERENCES {table} (catalog_id, id) DEFERRABLE INITIALLY DEFERRED""",
        f"ALTER TABLE recommender_interaction DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("recommender", "0001_catalog_people_items_interactions_runs")]
    operations = [
        reference("user_id", "recommender_enduser"),
        reference("item_id", "recommender_item"),
    ]
