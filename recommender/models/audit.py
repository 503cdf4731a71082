"""Who did what that changes what others are shown or may do."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class AuditEntry(models.Model):
    """One deed. Rows are only ever added: triggers of the database refuse UPDATE, DELETE and TRUNCATE.

    Nothing refers to other rows, so that a catalog, a login or a person can go while what was done stays: the catalog
    is kept by name and key, the login by name. No entry names an end user.
    """

    time = models.DateTimeField(db_default=Now(), editable=False)
    catalog = models.CharField(max_length=63, blank=True, help_text="Its name, also after it is gone.")
    catalog_key = models.BigIntegerField(null=True, blank=True)
    actor = models.CharField(max_length=200, blank=True, help_text="A login, an API key or an account of the machine.")
    way = models.CharField(max_length=10, help_text="page, API, admin, command or worker.")
    action = models.CharField(max_length=32)
    subject = models.CharField(max_length=300, blank=True, help_text="What it was done to.")
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        managed = False  # so that no tool of Django's empties the table (the triggers would refuse)
        verbose_name = "entry of the audit trail"
        verbose_name_plural = "audit trail"
        ordering = ["-id"]
        indexes = [models.Index(fields=["catalog_key", "-id"], name="audit_catalog")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}".strip()
