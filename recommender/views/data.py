"""Data: files put in, what became of them, and the attributes that a catalog declares."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from recommender import tasks
from recommender.exceptions import BadInput
from recommender.forms import UploadForm
from recommender.models import Catalog, DataImport, TextEncoding
from recommender.selectors import pages
from recommender.services import undoing
from recommender.views.frame import page, sent, show
from recommender.views.paging import paged
from recommender.views.previews import COUNTED, ROWS_OF, preview_context

LIVE = DataImport.LIVE


@require_http_methods(["GET", "HEAD", "POST"])
@page("view", post="import")
def data(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """What was put in, and the form that puts in more."""
    form = UploadForm(sent(request), request.FILES or None)
    if request.method == "POST":
        started = start(request, catalog, form)
        if started is not None:
            return redirect("import", catalog.name, started.pk)
    return show(
        request, "data", title="Data", catalog=catalog, section="data", form=form,
        shown=paged(request, catalog.imports.select_related("created_by"), 20), sizes=pages.sizes(catalog),
        attributes=[*pages.declared(catalog, "user"), *pages.declared(catalog, "item")],
        texts=encoding_line(catalog), status=400 if form.errors else 200,
    )  # fmt: skip


def encoding_line(catalog: Catalog) -> str:
    """How far the reading of the items' texts is, in one sentence; "" where nobody asked for it yet."""
    row = TextEncoding.objects.filter(pk=catalog.pk).first()
    if row is None:
        return ""
    if row.status == TextEncoding.Status.FAILED:
        return f"The texts of the items could not be read: {row.error} They are tried again with the next import."
    if row.status == TextEncoding.Status.RUNNING and row.total:
        return f"The texts of the items are being read: {row.done:,} of {row.total:,}."
    if row.status == TextEncoding.Status.SUCCEEDED:
        count = pages.items_with_vectors(catalog)
        return f"The texts of {count:,} items have been read; they can be compared by what is said of them."
    return "The texts of the items wait to be read by a worker."


def start(request: HttpRequest, catalog: Catalog, form: UploadForm) -> DataImport | None:
    """Enqueue the import; None where the form says why not."""
    if not form.is_valid():
        return None
    given = form.cleaned_data
    try:
        return tasks.start_import(
            catalog=catalog, file=given["file"], name=given["file"].name, users=given["users"], items=given["items"],
            format=given["format"], by=request.user, preview="look" in request.POST,
        )  # fmt: skip
    except BadInput as error:
        form.add_error(error.field if error.field in form.fields else "file", str(error))
        return None


@require_safe
@page("view")
def data_import(request: HttpRequest, catalog: Catalog, import_id: int) -> HttpResponse:
    found = import_or_404(catalog, import_id)
    crumbs = [("Data", reverse("data", args=[catalog.name]))]
    context = import_context(found)
    if found.status == DataImport.Status.PREVIEWED:
        context |= preview_context(found)
    return show(request, "import", title=found.source, catalog=catalog, section="data", crumbs=crumbs, **context)


@require_safe
@page("view")
def import_live(request: HttpRequest, catalog: Catalog, import_id: int) -> HttpResponse:
    found = import_or_404(catalog, import_id)
    if found.status not in LIVE:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "recommender/parts/import_live.html", import_context(found) | {"catalog": catalog})


def import_context(found: DataImport) -> dict[str, Any]:
    counted = {name: found.counts[name] for name in ROWS_OF if isinstance(found.counts.get(name), dict)}
    tables = [
        {"name": ROWS_OF[name], **{part: counts.get(part, 0) for part in COUNTED}} for name, counts in counted.items()
    ]
    return {
        "given": found,
        "live": found.status in LIVE,
        "undoable": found.status == DataImport.Status.SUCCEEDED and undoing.undo_until(found),
        "undone": found.counts.get("undone"),
        "tables": tables,
        "reasons": sorted((found.counts.get("reasons") or {}).items(), key=lambda row: -row[1]),
        "notes": found.counts.get("notes") or [],
        "rejected": sum(table["rejected"] for table in tables),
    }


def import_or_404(catalog: Catalog, import_id: int) -> DataImport:
    found = catalog.imports.filter(pk=import_id).first() if import_id < 2**63 else None
    if found is None:
        raise Http404(f"{catalog} has no import {import_id}.")
    return found


@require_safe
@page("view")
def rejects(request: HttpRequest, catalog: Catalog, import_id: int) -> FileResponse:
    """The rows set aside, with line and reason, as a file."""
    found = import_or_404(catalog, import_id)
    if not found.rejects or not default_storage.exists(found.rejects):
        raise Http404("No rows of this import were set aside.")
    return FileResponse(default_storage.open(found.rejects), as_attachment=True, filename=f"rejects-{import_id}.csv")
