"""Why this item for this person: the page, and its fragments, each of which also answers what is switched off.

Everything stands in the address. The page is whole without JavaScript; with it, fragments come in place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url, trigger_client_event

from explain.services.adapting import adapts
from explain.services.asking import Case, case_of
from explain.services.explaining import explain
from explain.services.reranking import rerank
from explain.services.transferring import begun
from explain.views import explanation_parts as parts
from explain.views.asked import LENGTHS, State, hidden
from explain.views.explanation_methods import methods_context
from explain.views.explanation_more import MORE
from explain.views.reach import reach_context
from recommender.algorithms.base import LinearlyExplainable
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog
from recommender.selectors import pages
from recommender.selectors.attributes import features_of_people
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show
from recommender.views.items import item_or_404
from recommender.views.paging import clean_text
from recommender.views.people import person_or_404

FOUND = 5
ITSELF = ("run", "method", "target", "k", "units", "other")
"""Fields of the form that chooses how it is explained; the rest is carried along."""


@require_safe
@page("view")
def explanation(request: HttpRequest, catalog: Catalog, person: str, item: str) -> HttpResponse:
    who, what = person_or_404(catalog, person), item_or_404(catalog, item)
    state = State.of(request, who.client_id, what.client_id)
    context = common(catalog, state) | {"person": who, "item": what, "choice": pages.runs_to_ask(catalog)}
    context |= answered(request, catalog, state)
    del context["catalog"]  # the frame's own
    title = f"Why “{what.title or what.client_id}”?"
    crumbs = [("Explanations", reverse("explanations", args=[catalog.name]))]
    return show(
        request, "explain/explanation", title=title, catalog=catalog, section="explanations", crumbs=crumbs,
        figures=True, **context,
    )  # fmt: skip


def common(catalog: Catalog, state: State) -> dict[str, Any]:
    """What every part needs: the state, and addresses that hold it."""
    names = ("list", "explained", "reach", "methods", "report")
    addresses = {
        name: reverse(f"explanation_{name}", args=[catalog.name, state.person, state.item]) for name in names
    }  # fmt: skip
    for name in MORE:
        addresses[name] = reverse("explanation_more", args=[catalog.name, state.person, state.item, name])
    return {
        "catalog": catalog, "state": state, "fragments": addresses, "page_address": state.address(catalog),
        "report": state.address(catalog, "explanation_report"), "as_it_is": state.as_it_is().address(catalog),
        "plain": state._replace(other="", target="score").address(catalog),
        "kept": hidden(state.pairs(), *ITSELF), "asked": hidden(state.pairs(), "without", "set.", "context."),
        "lengths": sorted({*LENGTHS, state.k}),
    }  # fmt: skip


def answered(request: HttpRequest, catalog: Catalog, state: State) -> dict[str, Any]:
    """All parts of the page, or why there are none. `with` names a part that else comes as a fragment: without scripts
    nothing comes later, so whoever asks for one gets the answer too."""
    whole = set(filter(None, request.GET.getlist("with")))
    try:
        case = case_of(question_of(catalog, state))
        found: dict[str, Any] = {"case": case} | parts.choices(case)
    except (BadInput, Conflict) as error:
        return {"trouble": error, "field": getattr(error, "field", "")}
    quick = isinstance(case.served.model, LinearlyExplainable) and state.method in ("", "contributions")
    text = clean_text(request)
    found["waits"] = not (quick or whole)
    found |= {"controls": parts.controls(case, state)} | listed(catalog, state)
    if not found["waits"]:
        found |= explained(catalog, state)
    if whole:
        found |= {"reach": reach_context(catalog, state, case, way="way" in whole)}
    if "methods" in whole:
        found |= {"compared": methods_context(catalog, state, question_of(catalog, state))}
    found |= {name: of(catalog, state, question_of(catalog, state)) for name, of in MORE.items() if name in whole}
    found |= {"adapts": adapts(case), "begun": begun(case)}
    found |= {"strip": parts.strip(case, found.get("document")), "q": text}
    return found | {"found": searched(catalog, state, text) if text else []}


def question_of(catalog: Catalog, state: State) -> Any:
    return state.question(catalog, features_of_people(catalog.pk))


def explained(catalog: Catalog, state: State) -> dict[str, Any]:
    """The answer, or why this method has none."""
    try:
        return parts.answer(catalog, state, explain(question_of(catalog, state)))
    except (BadInput, Conflict) as error:
        return {"document": None, "unexplained": str(error)}


def listed(catalog: Catalog, state: State) -> dict[str, Any]:
    try:
        return parts.ranking(catalog, state, rerank(question_of(catalog, state)))
    except (BadInput, Conflict) as error:
        return {"reranked": None, "unranked": str(error)}


def searched(catalog: Catalog, state: State, text: str) -> list[dict[str, Any]]:
    """Items by words, each to be asked about or to be compared with."""
    items = pages.find_items(catalog, text).exclude(client_id=state.item)[:FOUND]
    return [
        {
            "item": each, "why": state._replace(item=each.client_id, other="", target="score").address(catalog),
            "against": state._replace(other=each.client_id, target="margin").address(catalog),
        }
        for each in items
    ]  # fmt: skip


def fragment(request: HttpRequest, catalog: Catalog, person: str, item: str) -> State:
    """The state of a fragment's address, after making sure that person and item are there."""
    return State.of(request, person_or_404(catalog, person).client_id, item_or_404(catalog, item).client_id)


@require_safe
@page("view")
def explanation_list(request: HttpRequest, catalog: Catalog, person: str, item: str) -> HttpResponse:
    """The list ranked again; the address of the page follows, and the answer is asked for anew."""
    state = fragment(request, catalog, person, item)
    context = common(catalog, state) | listed(catalog, state) | {"fragment": True}
    drawn = render(request, "explain/parts/ranking.html", context)
    return trigger_client_event(replace_url(drawn, state.address(catalog)), "ranked")


@require_safe
@page("view")
def explanation_explained(request: HttpRequest, catalog: Catalog, person: str, item: str) -> HttpResponse:
    state = fragment(request, catalog, person, item)
    drawn = render(request, "explain/parts/explained.html", common(catalog, state) | explained(catalog, state))
    return trigger_client_event(drawn, "answered")


@require_safe
@page("view")
def explanation_reach(request: HttpRequest, catalog: Catalog, person: str, item: str) -> HttpResponse:
    """What would take it out of the list, or bring it in."""
    state = fragment(request, catalog, person, item)
    try:
        case: Case | None = case_of(replace(question_of(catalog, state), searched=True))
        reach = reach_context(catalog, state, case, way=request.GET.get("with") == "way") if case else {}
    except (BadInput, Conflict) as error:
        reach = {"text": str(error)}
    return render(request, "explain/parts/reach.html", common(catalog, state) | {"reach": reach})


@require_safe
@page("view")
def explanation_methods(request: HttpRequest, catalog: Catalog, person: str, item: str) -> HttpResponse:
    state = fragment(request, catalog, person, item)
    compared = methods_context(catalog, state, question_of(catalog, state))
    return render(request, "explain/parts/methods.html", common(catalog, state) | {"compared": compared})


@require_safe
@page("view")
def explanation_more(request: HttpRequest, catalog: Catalog, person: str, item: str, name: str) -> HttpResponse:
    """Words that make it alike, or what adapting changed."""
    state = fragment(request, catalog, person, item)
    if name not in MORE:
        raise Http404(f"An explanation has no part “{name}”.")
    found = MORE[name](catalog, state, question_of(catalog, state))
    return render(request, f"explain/parts/{name}.html", common(catalog, state) | {name: found})


@require_safe
@page("view")
def explanation_csv(request: HttpRequest, catalog: Catalog, person: str, item: str) -> HttpResponse:
    state = fragment(request, catalog, person, item)
    found = explained(catalog, state)
    units = found["document"]["units"] if found["document"] else []
    rows = [(unit["kind"], unit["id"], unit["label"], unit["value"], unit.get("error")) for unit in units]
    return csv_answer("explanation", ("kind", "id", "label", "value", "standard_error"), rows)
