"""The audit trail: rows can be added and read, nothing else. The database itself refuses the rest."""

from django.db import migrations, models
from django.db.models.functions import Now

REFUSE = """
    CREATE FUNCTION recommender_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'Entries of the audit trail are neither changed nor deleted.' USING ERRCODE = '23001';
    END $$;
    CREATE TRIGGER recommender_audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON recommender_auditentry
        FOR EACH STATEMENT EXECUTE FUNCTION recommender_audit_refuse();
"""
ALLOW = "DROP TRIGGER recommender_audit_kept ON recommender_auditentry; DROP FUNCTION recommender_audit_refuse();"


class Migration(migrations.Migration):
    dependencies = [("recommender", "0006_versions_of_catalogues")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time", models.DateTimeField(db_default=Now(), editable=False)),
                ("catalog", models.CharField(blank=True, help_text="Its name, also after it is gone.", max_length=63)),
                ("catalog_key", models.BigIntegerField(blank=True, null=True)),
                (
                    "actor",
                    models.CharField(
                        blank=True, help_text="A login, an API key or an account of the machine.", max_length=200
                    ),
                ),
                ("way", models.CharField(help_text="page, API, admin, command or worker.", max_length=10)),
                ("action", models.CharField(max_length=32)),
                ("subject", models.CharField(blank=True, help_text="What it was done to.", max_length=300)),
                ("details", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "verbose_name": "entry of the audit trail",
                "verbose_name_plural": "audit trail",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["catalog_key", "-id"], name="audit_catalog")],
            },
        ),
        migrations.AlterModelOptions(
            name="auditentry",
            options={
                "managed": False,
                "verbose_name": "entry of the audit trail",
                "verbose_name_plural": "audit trail",
                "ordering": ["-id"],
            },
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
