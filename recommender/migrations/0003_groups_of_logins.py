"""The groups that recommender.rights speaks of, with their rights in the admin."""

from django.db import migrations

GROUPS = ("analyst", "catalogue manager", "operator")


def make_groups(apps, schema_editor):
    for name in GROUPS:
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [
        ("recommender", "0002_composite_references"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
