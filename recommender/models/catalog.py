"""A catalog (one domain with its people and items), what it declares, who may enter it, and what was put in."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

RESERVED_NAMES = frozenset(
    {"accounts", "admin", "api", "catalogs", "health", "help", "imports", "jsi18n", "login", "logout", "metrics"}
    | {"new", "static", "media", "schema"}
)
CATALOG_NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}\Z"


def refuse_reserved(name: str) -> None:
    if name in RESERVED_NAMES:
        raise ValidationError(f"“{name}” is an address of the site itself; choose another name.")


class Catalog(models.Model):
    name = models.CharField(
        max_length=63,
        unique=True,
        help_text="Part of every address: small letters, digits and hyphens.",
        validators=[RegexValidator(CATALOG_NAME_PATTERN, "Small letters, digits and hyphens only."), refuse_reserved],
    )
    title = models.CharField(max_length=200, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="catalogs")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(name__regex=CATALOG_NAME_PATTERN) & ~models.Q(name__in=sorted(RESERVED_NAMES)),
                name="catalog_name_well_formed",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.name


class Membership(models.Model):
    """A login that may enter a catalog; what it may do there follows from its groups."""

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE)
    login = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["catalog", "login"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.login} in {self.catalog}"


class Attribute(models.Model):
    """A declared attribute of people or items: its type, whether it is sensitive, whether a run may use it."""

    class Scope(models.TextChoices):
        USER = "user", "people"
        ITEM = "item", "items"

    class Type(models.TextChoices):
        CATEGORY = "category", "category"
        CATEGORIES = "categories", "several categories"
        NUMBER = "number", "number"
        TEXT = "text", "text"
        FLAG = "flag", "yes or no"

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="attributes")
    scope = models.CharField(max_length=4, choices=Scope)
    name = models.CharField(max_length=63)
    type = models.CharField(max_length=10, choices=Type)
    sensitive = models.BooleanField(
        default=False, help_text="Sensitive attributes are never features unless asked for."
    )
    feature = models.BooleanField(default=False, help_text="May a recommender learn from it?")

    class Meta:
        ordering = ["scope", "name"]
        constraints = [
            models.UniqueConstraint(fields=["catalog", "scope", "name"], name="attribute_unique"),
            models.CheckConstraint(condition=models.Q(scope__in=["user", "item"]), name="attribute_scope_known"),
            models.CheckConstraint(
                condition=models.Q(type__in=["category", "categories", "number", "text", "flag"]),
                name="attribute_type_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()}: {self.name}"


class ApiKey(models.Model):
    """A client's key to one catalog. Only a hash is kept; the key itself is shown once."""

    class Scope(models.TextChoices):
        READ = "read", "read"
        WRITE = "write", "read and write events and catalogue"
        MANAGE = "manage", "also runs and deployment"

    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True, help_text="The first characters, to tell keys apart.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=6, choices=Scope)
    creates_unknown = models.BooleanField(
        "creates unknown people and items",
        default=True,
        help_text="Else an event that names an unknown id is rejected.",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(auto_now_add=True)
    last_used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "write", "manage"]), name="api_key_scope_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class DataImport(models.Model):
    """One file or folder put into a catalog: how far it got, what it took, what it set aside."""

    class Status(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "running"
        PREVIEWED = "previewed", "to be confirmed"
        SUCCEEDED = "succeeded", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        UNDONE = "undone", "undone"

    class Aim(models.TextChoices):
        PREVIEW = "preview", "say what it would do"
        IMPORT = "import", "put in"
        UNDO = "undo", "take back"

    LIVE = (Status.QUEUED, Status.RUNNING)
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="imports")
    source = models.CharField(max_length=500, help_text="The name of what was given.")
    format = models.CharField(max_length=16, blank=True)
    options = models.JSONField(default=dict, blank=True)
    upload = models.CharField(max_length=500, blank=True, help_text="Where the uploaded file waits in the storage.")
    aim = models.CharField(max_length=7, choices=Aim, default=Aim.IMPORT, help_text="What a worker is to do with it.")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    progress = models.FloatField(default=0.0)
    phase = models.CharField(max_length=100, blank=True)
    cancel_requested = models.BooleanField(default=False)
    preview = models.JSONField(
        default=dict, blank=True, help_text="First rows, meaning of columns and what it would do; kept until decided."
    )
    counts = models.JSONField(
        default=dict, blank=True, help_text="users, items, interactions: read, new, same, rejected."
    )
    has_clock = models.BooleanField(default=True, help_text="Whether the file says when things happened.")
    rejects = models.CharField(max_length=500, blank=True, help_text="CSV of line, reason and row, in the storage.")
    error = models.TextField(blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["queued", "running", "previewed", "succeeded", "failed", "cancelled", "undone"]
                ),
                name="import_status_known",
            ),
            models.CheckConstraint(condition=models.Q(progress__range=(0, 1)), name="import_progress_range"),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.catalog}"


class ImportTrace(models.Model):
    """A person or item that an import made (`before` is empty) or changed, so that it can be undone."""

    data_import = models.ForeignKey(DataImport, on_delete=models.CASCADE, related_name="traces", db_constraint=False)
    """Not enforced: checking one row again for each of a hundred thousand is what an import would wait for."""
    scope = models.CharField(max_length=4, choices=Attribute.Scope)
    key = models.BigIntegerField(help_text="Database key of the person or item.")
    before = models.JSONField(null=True, help_text="Values that were there, by column.")
    after = models.JSONField(null=True, help_text="Values that the import put in their place.")

    class Meta:
        indexes = [models.Index(fields=["scope", "key"], name="import_trace_of")]
        constraints = [
            models.CheckConstraint(condition=models.Q(scope__in=["user", "item"]), name="import_trace_scope_known")
        ]

    def __str__(self) -> str:
        return f"{self.data_import_id}: {self.scope} {self.key}"
