"""Taking an import back: what it brought goes, what it changed gets its earlier value, what others rely on stays.

Possible for UNDO_DAYS, while the traces of an import are kept. Imports that overlap are undone the newest first: an
import that met rows of an earlier one relies on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date

from recommender.exceptions import Conflict
from recommender.models import Attribute, Catalog, DataImport, EndUser, ImportTrace, Impression, Interaction, Item
from recommender.services import adaptation, audit, forgetting, popular
from recommender.services.import_attempt import LOCK
from recommender.services.import_progress import Progress

BATCH = 2_000
Model = type[EndUser] | type[Item]
MODELS: dict[str, Model] = {Attribute.Scope.ITEM: Item, Attribute.Scope.USER: EndUser}
"""Items first, as imports and events lock them."""


def ask_to_undo(*, row: DataImport, by: Any = None) -> None:
    """Marks an import to be undone by a worker. Raises Conflict with the reason where it cannot be."""
    if reason := why_not(row):
        raise Conflict(reason)
    waiting = {"aim": DataImport.Aim.UNDO, "status": DataImport.Status.QUEUED, "error": "", "progress": 0.0,
               "cancel_requested": False}  # fmt: skip
    waiting["options"] = {**row.options, "undone_by": by.pk if by is not None else None}
    mine = DataImport.objects.filter(pk=row.pk)
    if not mine.filter(status=DataImport.Status.SUCCEEDED).update(**waiting):
        raise Conflict("The import has been changed meanwhile; look at it again.")


def undo_until(row: DataImport) -> datetime | None:
    """Until when an import can be undone; None where it never could."""
    traced = row.finished is not None and "built_on" in row.counts
    return row.finished + timedelta(days=settings.IMPORT_UNDO_DAYS) if traced and row.finished else None


def why_not(row: DataImport) -> str:
    """Why an import cannot be undone now, in words that say what to do; "" where it can."""
    if row.status != DataImport.Status.SUCCEEDED:
        return f"Only an import that is done can be undone; this one is {row.get_status_display()}."
    until = undo_until(row)
    if until is None:
        return "It was made before earlier values were kept, so it cannot be undone."
    if until < timezone.now():
        return f"Earlier values are kept for {settings.IMPORT_UNDO_DAYS} days; since {until:%-d %B %Y} it stands."
    return "".join(relying(row))


def relying(row: DataImport) -> list[str]:
    """A sentence about the newest import that met rows of this one."""
    later = DataImport.objects.filter(catalog=row.catalog_id, pk__gt=row.pk)
    standing = later.exclude(status__in=[DataImport.Status.UNDONE, DataImport.Status.FAILED])
    for other in standing.filter(counts__built_on__has_key=str(row.pk)).order_by("-pk")[:1]:
        count = other.counts["built_on"][str(row.pk)]
        return [f"Import {other.pk} ({other.source}) met {count:,} rows of this one and relies on them. Undo it first."]
    return []


def sizes(row: DataImport) -> dict[str, int]:
    """How much an undo would go through: interactions, and people and items made and changed."""
    found = {"interactions": Interaction.objects.filter(catalog=row.catalog_id, data_import=row.pk).count()}
    for scope, name in (("user", "people"), ("item", "items")):
        traces = row.traces.filter(scope=scope)
        found[f"{name}_made"] = traces.filter(before__isnull=True).count()
        found[f"{name}_changed"] = traces.filter(before__isnull=False).count()
    return found


def undo(row: DataImport, progress: Progress) -> None:
    """Undoes the import in one transaction. Raises Conflict where it cannot be (any more)."""
    with transaction.atomic():
        progress.at("waiting for another import into this catalog", 0.0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, row.catalog_id])
        row.status = DataImport.Status.SUCCEEDED
        if reason := why_not(row):
            raise Conflict(reason)
        progress.at("taking interactions out", 0.1)
        counts: dict[str, Any] = {"interactions": delete_interactions(row)}
        adaptation.forget(catalog=row.catalog)
        for scope, model in MODELS.items():
            progress.at(f"restoring {scope}s", 0.5)
            counts[f"{scope}s"] = {**restore(row, model, progress), **delete_unused(row, model)}
        counts["attributes"] = withdraw_attributes(row.catalog, row.counts.get("declared", []))
        row.traces.all().delete()
        progress.at("done", 1.0)
        progress.stop()
        row.counts["undone"] = counts
        DataImport.objects.filter(pk=row.pk).update(
            status=DataImport.Status.UNDONE, aim=DataImport.Aim.IMPORT, counts=row.counts, phase="", progress=1.0,
            heartbeat=timezone.now(),
        )  # fmt: skip
        login = get_user_model().objects.filter(pk=row.options.get("undone_by")).first()
        details = {"import": row.pk, **counts}
        audit.note(catalog=row.catalog, login=login, action="import-undone", subject=row.source, details=details)
    popular.forget(catalog_id=row.catalog_id)


def delete_interactions(row: DataImport) -> int:
    with connection.cursor() as cursor:
        table = Interaction._meta.db_table
        cursor.execute(f"DELETE FROM {table} WHERE catalog_id = %s AND data_import_id = %s", [row.catalog_id, row.pk])
        return int(cursor.rowcount)


def restore(row: DataImport, model: Model, progress: Progress) -> dict[str, int]:
    """Gives what the import changed its earlier value, unless it was changed again since."""
    restored = kept = 0
    traces = row.traces.filter(scope=scope_of(model)).filter(before__isnull=False).order_by("key")
    for at in range(0, traces.count(), BATCH):
        part = {trace.key: trace for trace in traces[at : at + BATCH]}
        rows = list(model._default_manager.select_for_update().filter(pk__in=part).order_by("pk"))
        changed = [one for one in rows if put_back(one, part[one.pk].before, part[one.pk].after)]
        kept += sum(differs(one, part[one.pk].before, part[one.pk].after) for one in rows)
        columns = [*next(iter(part.values())).before]
        untouched = [one.pk for one in changed if row.finished and one.updated <= row.finished]
        now = timezone.now()
        for one in changed:
            one.updated = now
        model._default_manager.bulk_update(changed, [*columns, "updated"], batch_size=500)
        made = ImportTrace.objects.filter(scope=scope_of(model), key__in=untouched, before__isnull=True)
        made.update(after={"restored": now.isoformat()})
        restored += len(changed)
        progress.at(f"restoring {scope_of(model)}s", 0.5)
    return {"restored": restored, "changed_since": kept}


def scope_of(model: Model) -> str:
    return "item" if model is Item else "user"


def plain(value: Any) -> Any:
    """As it stands in a trace."""
    return DjangoJSONEncoder().default(value) if hasattr(value, "isoformat") else value


def put_back(one: EndUser | Item, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Sets what is still as the import left it to what it was; says whether anything was set."""
    done = False
    for name in before:
        if name == "attributes":
            done |= put_back_attributes(one.attributes, before[name], after[name])
        elif before[name] != after[name] and plain(getattr(one, name)) == after[name]:
            setattr(one, name, parse_date(before[name]) if name == "released" and before[name] else before[name])
            done = True
    return done


def put_back_attributes(now: dict[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    ours = [name for name in after if before.get(name) != after[name] and name in now and now[name] == after[name]]
    for name in ours:
        if name in before:
            now[name] = before[name]
        else:
            del now[name]
    return bool(ours)


def differs(one: EndUser | Item, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether something that the import set had been changed again, so that it stays as it is now."""
    names = [name for name in before if name != "attributes" and before[name] != after[name]]
    attributes = [name for name in after["attributes"] if before["attributes"].get(name) != after["attributes"][name]]
    return any(plain(getattr(one, name)) != before[name] for name in names) or any(
        one.attributes.get(name) != before["attributes"].get(name) for name in attributes
    )


def delete_unused(row: DataImport, model: Model) -> dict[str, int]:
    """Deletes what the import made and nothing else uses: no interaction, no answer, no later import or change.
    People who go are taken out of metrics and weights too."""
    made = list(
        row.traces.filter(scope=scope_of(model), before__isnull=True).order_by("key").values_list("key", flat=True)
    )
    gone: list[int] = []
    for at in range(0, len(made), BATCH):
        gone += delete_rows(row, model, made[at : at + BATCH])
    if model is EndUser:
        forgetting.forget_everywhere(catalog_id=row.catalog_id, user_ids=gone)
    return {"deleted": len(gone), "kept": len(made) - len(gone)}


def delete_rows(row: DataImport, model: Model, keys: list[int]) -> list[int]:
    """The keys of those that went.

    Locked first, so that an event that arrives now waits, and then makes a new, bare row."""
    locked = model._default_manager.select_for_update().filter(pk__in=keys).order_by("pk")
    there = dict(locked.values_list("pk", "updated"))
    used = set(used_by(Interaction, "user_id" if model is EndUser else "item_id", there))
    if model is EndUser:
        used |= set(used_by(Impression, "user_id", there))
    traces = row.traces.filter(scope=scope_of(model), key__in=keys, before__isnull=True)
    restored = {
        trace.key: datetime.fromisoformat(trace.after["restored"]) for trace in traces.filter(after__isnull=False)
    }
    used |= {key for key, updated in there.items() if row.finished and updated > restored.get(key, row.finished)}
    gone = [key for key in there if key not in used]
    model._default_manager.filter(pk__in=gone).delete()
    return gone


def used_by(model: Any, column: str, keys: Iterable[int]) -> Iterable[int]:
    found: Iterable[int] = model.objects.filter(**{f"{column}__in": list(keys)}).values_list(column, flat=True)
    return found


def withdraw_attributes(catalog: Catalog, declared: list[int]) -> int:
    """Takes back the attributes that the import declared and that nobody has any more."""
    gone = [
        one.pk
        for one in Attribute.objects.filter(catalog=catalog, pk__in=declared)
        if not MODELS[one.scope]._default_manager.filter(catalog=catalog, attributes__has_key=one.name).exists()
    ]
    Attribute.objects.filter(pk__in=gone).delete()
    return len(gone)


def forget_traces() -> int:
    """Drops what was kept of imports that can no longer be undone, and traces of imports that are undone."""
    late = timezone.now() - timedelta(days=settings.IMPORT_UNDO_DAYS)
    over = Q(data_import__finished__lt=late) & ~Q(data_import__aim=DataImport.Aim.UNDO)
    return ImportTrace.objects.filter(over).delete()[0]
