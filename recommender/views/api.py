"""How a client application talks to a catalog, and its keys."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from recommender.exceptions import BadInput
from recommender.forms import KeyForm
from recommender.models import Catalog
from recommender.selectors import pages
from recommender.services import keys
from recommender.views.frame import page, sent, show


@require_http_methods(["GET", "HEAD", "POST"])
@page("view", post="manage")
def api(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """A new key is shown in the answer to the form and nowhere else: it is kept in no session and no message."""
    form, made = KeyForm(sent(request)), None
    if request.method == "POST" and form.is_valid():
        try:
            made = keys.create(catalog=catalog, created_by=request.user, **form.cleaned_data)
            form = KeyForm()
        except BadInput as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
    answer = show(
        request, "api", title="API", catalog=catalog, section="api", form=form, made=made, keys=pages.keys(catalog),
        base=request.build_absolute_uri("/api/v1/"), status=400 if form.errors else 200,
    )  # fmt: skip
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@page("manage")
def key_revoke(request: HttpRequest, catalog: Catalog, key_id: int) -> HttpResponse:
    key = pages.keys(catalog).filter(pk=key_id).first()
    if key is None:
        raise Http404(f"{catalog} has no such key.")
    keys.revoke(key=key, by=request.user)
    messages.success(request, f"The key {key.name} is revoked. Requests with it are refused from now on.")
    return redirect("api", catalog.name)
