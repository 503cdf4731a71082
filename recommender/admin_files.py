"""Items in and out of the admin as files: an action that exports, and a page that shows what a file would do first."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from recommender.exceptions import BadInput
from recommender.models import Catalog, Item
from recommender.rights import may
from recommender.selectors import pages
from recommender.services import audit, item_files
from recommender.services.importing import fetched, plain_name, store_upload
from recommender.views.figures import harmless

SALT = "items in the admin"
UNDECIDED_SECONDS = 3600


class ItemFileForm(forms.Form):
    catalog = forms.ModelChoiceField(Catalog.objects.none(), help_text="The items go into this catalog.")
    file = forms.FileField(
        help_text="CSV, JSON lines or Parquet with a column item and any of title, description, categories, creators, "
        "year, released, price, image; several values separated by |. Every other column becomes an attribute.",
    )

    def __init__(self, *args: Any, login: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["catalog"].queryset = pages.catalogs_of(login)  # type: ignore[attr-defined]


def export(request: HttpRequest, rows: QuerySet[Item]) -> HttpResponse | str:
    """The chosen items as CSV, or why not. Columns of attributes are those of one catalog."""
    keys = list(rows.order_by().values_list("catalog", flat=True).distinct()[:2])
    if len(keys) != 1:
        return "Choose items of one catalog; the filter on the right shows one alone."
    catalog = Catalog.objects.get(pk=keys[0])
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="items-{catalog.name}.csv"'
    writer, count = csv.writer(answer), -1  # the header is no item
    for row in item_files.export_rows(items=rows, catalog=catalog):
        writer.writerow([harmless(cell) for cell in row])
        count += 1
    audit.note(catalog=catalog, login=request.user, action="admin-export", details={"items": count})
    return answer


def import_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """First the form, then what the file would do, then it is done."""
    if not (may(request.user, "edit") and may(request.user, "import")):
        raise PermissionDenied("Your login may not import items.")
    form, found, ticket = ItemFileForm(login=request.user), None, ""
    try:
        if "ticket" in request.POST:
            return confirmed(request)
        if request.method == "POST":
            form = ItemFileForm(request.POST, request.FILES, login=request.user)
            if form.is_valid():
                found, ticket = looked_at(form.cleaned_data["catalog"], form.cleaned_data["file"])
    except BadInput as error:
        form.add_error("file", str(error)) if form.is_bound else messages.error(request, str(error))
    shown = context | {"title": "Import items", "form": form, "found": found, "ticket": ticket}
    return TemplateResponse(request, "admin/recommender/item/import.html", shown)


def looked_at(catalog: Catalog, file: Any) -> tuple[dict[str, Any], str]:
    """What the file would do, and a ticket that names it for an hour."""
    stored = store_upload(file=file, name=file.name)
    try:
        done = on_disk(stored, file.name, lambda path: item_files.preview(catalog=catalog, path=path))
    except BadInput:
        default_storage.delete(stored)
        raise
    return done, signing.dumps([catalog.pk, stored, file.name], salt=SALT)


def confirmed(request: HttpRequest) -> HttpResponse:
    try:
        key, stored, name = signing.loads(request.POST["ticket"], salt=SALT, max_age=UNDECIDED_SECONDS)
    except signing.BadSignature:
        raise BadInput("That preview is too old. Choose the file again.", field="file") from None
    catalog = pages.catalogs_of(request.user).filter(pk=key).first()
    if catalog is None:
        raise PermissionDenied("You may not enter that catalog.")
    take = on_disk(
        stored,
        name,
        lambda path: item_files.take_in(catalog=catalog, path=path, name=name, login=request.user),
    )
    default_storage.delete(stored)
    told = f"{take['new']} items are new, {take['changed']} changed, {take['same']} were the same"
    messages.success(request, f"{told}, {take['rejected']} rows were not taken.")
    return redirect("admin:recommender_item_changelist")


def on_disk(stored: str, name: str, work: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        return work(fetched(stored, Path(place) / "file" / plain_name(name)))
