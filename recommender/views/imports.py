"""An upload that was looked at: what its columns mean, what it would do, and the decision; cancelling and undoing."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from recommender import tasks
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, DataImport
from recommender.services import importing, undoing
from recommender.views.data import import_or_404
from recommender.views.frame import page, show
from recommender.views.previews import chosen


@require_POST
@page("import")
def import_decide(request: HttpRequest, catalog: Catalog, import_id: int) -> HttpResponse:
    """Put in what was previewed, look again with other columns, or drop it."""
    found = import_or_404(catalog, import_id)
    try:
        if request.POST.get("decision") == "drop":
            importing.drop_preview(row=found)
            messages.success(request, "The upload was dropped; nothing was changed.")
            return redirect("data", catalog.name)
        decided(request, found)
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
    return redirect("import", catalog.name, import_id)


def decided(request: HttpRequest, found: DataImport) -> None:
    columns, ignored = chosen(request.POST, found.preview)
    if (columns, ignored) != chosen({}, found.preview):
        tasks.start_look_again(row=found, columns=columns, ignored=ignored)
        if request.POST.get("decision") == "confirm":
            messages.info(request, "The columns mean something else now, so the file is looked at again first.")
    elif request.POST.get("decision") == "confirm":
        tasks.start_confirmed(row=found)
    else:
        tasks.start_look_again(row=found, columns=columns, ignored=ignored)


@require_POST
@page("import")
def import_cancel(request: HttpRequest, catalog: Catalog, import_id: int) -> HttpResponse:
    try:
        importing.cancel_import(row=import_or_404(catalog, import_id))
        messages.success(request, "The import is being cancelled; it stops within seconds and changes nothing.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("import", catalog.name, import_id)


@require_http_methods(["GET", "HEAD", "POST"])
@page("import")
def import_undo(request: HttpRequest, catalog: Catalog, import_id: int) -> HttpResponse:
    """What an undo would take back, and the button that does it."""
    found = import_or_404(catalog, import_id)
    if request.method == "POST":
        try:
            tasks.start_undo(row=found, by=request.user)
        except Conflict as error:
            messages.error(request, str(error))
        return redirect("import", catalog.name, import_id)
    crumbs = [("Data", reverse("data", args=[catalog.name]))]
    crumbs.append((found.source, reverse("import", args=[catalog.name, import_id])))
    return show(
        request, "import_undo", title="Undo this import", catalog=catalog, section="data", crumbs=crumbs, given=found,
        refused=undoing.why_not(found), undo=undoing.sizes(found), days=settings.IMPORT_UNDO_DAYS,
    )  # fmt: skip
