"""Admin for catalogue managers: only what lies in catalogs they are members of; rights follow from RIGHTS."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.db.models import QuerySet
from django.forms import JSONField, ModelChoiceField
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.urls import path

from recommender import admin_files
from recommender.models import Attribute, AuditEntry, Catalog, EndUser, Interaction, Item
from recommender.rights import may
from recommender.selectors import pages
from recommender.services import audit, catalogue, erasure


class AsTyped(JSONField):
    """Shows again what was typed, letter by letter: what could not be taken cannot always be written anew."""

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if data is None else InvalidJSONInput(data)


class InOwnCatalogs(ModelAdmin):
    """Rows of catalogs that the login may enter. No count of all rows, so that a million stays quick."""

    show_full_result_count = False
    list_per_page = 50
    catalog_path = "catalog"
    formfield_overrides = {models.JSONField: {"form_class": AsTyped}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(**{f"{self.catalog_path}__in": pages.catalogs_of(request.user)})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> ModelChoiceField | None:
        if db_field.name == "catalog":
            kwargs["queryset"] = pages.catalogs_of(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row stays in its catalog: what people did there belongs to it."""
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "catalog"] if obj is not None and "catalog" not in fixed else fixed

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Keys that are no numbers choose nothing; Django would stumble over them."""
        request.POST = request.POST.copy()  # type: ignore[misc]
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        request.POST.setlist(ACTION_CHECKBOX_NAME, [key for key in chosen if key.isdecimal()])
        return super().response_action(request, queryset)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "edit")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, "edit") and self.is_in_own_catalog(request, obj)

    has_add_permission = has_module_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission

    def is_in_own_catalog(self, request: HttpRequest, obj: Any) -> bool:
        return obj is None or pages.catalogs_of(request.user).filter(pk=self.catalog_of(obj)).exists()

    def catalog_of(self, obj: Any) -> int:
        return int(obj.catalog_id)


class DeletesByService:
    """What goes with a row goes by the service that knows all of it; it is counted, not listed one by one."""

    words = ""

    def remove(self, rows: list[Any]) -> None:
        raise NotImplementedError

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        rows = list(objs)
        return [f"{row}, {self.words}" for row in rows], {self.words: len(rows)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.remove(list(queryset.select_related("catalog")))


class OwnCatalogFilter(admin.SimpleListFilter):
    """Only catalogs that the login may enter are offered; the address is that of Django's own filter."""

    title = "catalog"
    parameter_name = "catalog__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(each.pk), str(each)) for each in pages.catalogs_of(request.user)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(catalog_id=int(value)) if value and value.isdecimal() else queryset


@admin.register(Catalog)
class CatalogAdmin(InOwnCatalogs):
    list_display = ["name", "title", "created"]
    search_fields = ["name", "title"]
    readonly_fields = ["name", "created"]
    fields = ["name", "title", "created"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Catalog]:
        return pages.catalogs_of(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields

    def catalog_of(self, obj: Any) -> int:
        return int(obj.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Catalogs are made by operators, on their own page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Item)
class ItemAdmin(DeletesByService, InOwnCatalogs):
    words = "with every interaction with it"
    list_display = ["__str__", "client_id", "year", "listed_categories", "state", "catalog"]
    list_filter = ["hidden", OwnCatalogFilter]
    list_select_related = ["catalog"]
    search_fields = ["title", "=client_id"]
    search_help_text = "Words of the title, or the exact id."
    exclude = ["text_vector"]
    readonly_fields = ["created", "updated"]
    ordering = ["-id"]
    actions = ["hide", "show", "export"]

    def get_urls(self) -> list[Any]:
        own = path("import/", self.admin_site.admin_view(self.import_items), name="recommender_item_import")
        return [own, *super().get_urls()]

    def import_items(self, request: HttpRequest) -> HttpResponse:
        return admin_files.import_page(request, self.admin_site.each_context(request))

    @admin.action(description="Export as CSV", permissions=["view"])
    def export(self, request: HttpRequest, rows: QuerySet[Item]) -> HttpResponse | None:
        made = admin_files.export(request, rows)
        if isinstance(made, HttpResponse):
            return made
        self.message_user(request, made, messages.WARNING)
        return None

    def save_model(self, request: HttpRequest, obj: Item, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "hidden" in form.changed_data:
            catalogue.note_hiding(catalog=obj.catalog, items=[obj], hidden=obj.hidden)

    def remove(self, rows: list[Item]) -> None:
        for item in rows:
            catalogue.delete_item(item=item)

    @admin.display(description="categories")
    def listed_categories(self, item: Item) -> str:
        more = f" and {len(item.categories) - 4} more" if len(item.categories) > 4 else ""
        return ", ".join(name[:40] for name in item.categories[:4]) + more

    @admin.display(description="state", ordering="hidden")
    def state(self, item: Item) -> str:
        return "hidden" if item.hidden else "shown"

    @admin.action(description="Hide: never recommend these items", permissions=["change"])
    def hide(self, request: HttpRequest, rows: QuerySet[Item]) -> None:
        count = catalogue.set_hidden(items=rows, hidden=True)
        self.message_user(request, f"{count} items are hidden and will not be recommended.", messages.SUCCESS)

    @admin.action(description="Show: let these items be recommended", permissions=["change"])
    def show(self, request: HttpRequest, rows: QuerySet[Item]) -> None:
        count = catalogue.set_hidden(items=rows, hidden=False)
        self.message_user(request, f"{count} items may be recommended again.", messages.SUCCESS)


@admin.register(EndUser)
class PersonAdmin(DeletesByService, InOwnCatalogs):
    words = "with all that is known of them"
    list_display = ["client_id", "attributes", "catalog", "created"]
    list_filter = [OwnCatalogFilter]
    list_select_related = ["catalog"]
    search_fields = ["=client_id"]
    search_help_text = "The exact id."
    readonly_fields = ["created", "updated"]
    ordering = ["-id"]

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[EndUser]) -> Any:
        """Who deleted, when and how many is kept; the ids of people who were erased are not."""
        nameless = [EndUser(pk=row.pk, client_id="(erased)") for row in queryset]
        return super().log_deletions(request, nameless)

    def remove(self, rows: list[EndUser]) -> None:
        for catalog in {person.catalog for person in rows}:
            people = [person.pk for person in rows if person.catalog_id == catalog.pk]
            erasure.erase(catalog=catalog, user_ids=people)


@admin.register(Interaction)
class InteractionAdmin(InOwnCatalogs):
    """To look at: what happened is not edited by hand."""

    list_display = ["user", "kind", "item", "value", "time"]
    list_filter = [OwnCatalogFilter]
    list_select_related = ["user", "item"]
    search_fields = ["=user__client_id"]
    search_help_text = "The exact id of a person."
    raw_id_fields = ["user", "item"]
    ordering = ["-id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission


@admin.register(Attribute)
class AttributeAdmin(InOwnCatalogs):
    list_display = ["name", "scope", "type", "sensitive", "feature", "catalog"]
    list_filter = ["scope", "sensitive", OwnCatalogFilter]
    list_select_related = ["catalog"]
    search_fields = ["name"]
    list_editable = ["sensitive", "feature"]


class ActionFilter(admin.SimpleListFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(audit.ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() in audit.ACTIONS else queryset


@admin.register(AuditEntry)
class AuditAdmin(ModelAdmin):
    """To read: nobody changes what was done. Of catalogs that are gone only superusers see entries."""

    show_full_result_count = False
    list_per_page = 50
    list_display = ["time", "actor", "way", "action", "subject", "catalog"]
    list_filter = [ActionFilter]
    search_fields = ["=actor", "subject"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(catalog_key__in=pages.catalogs_of(request.user).values("pk"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "audit")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = may(request.user, "audit")
        return allowed and (obj is None or self.get_queryset(request).filter(pk=obj.pk).exists())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission
