"""Where explanations begin: choose a recommender, a person and an item, or look at one of some examples."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from explain.views.asked import State
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, EndUser, Run
from recommender.selectors import pages
from recommender.services import serving
from recommender.views.frame import page, show
from recommender.views.paging import clean_text, whole

EXAMPLES, FOUND, LISTED = 5, 8, 10
LOOKED_AT, TYPICAL = 200, 20
"""People among whom examples are chosen, and how many interactions these should have."""


@require_safe
@page("view")
def explanations(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    choice = pages.runs_to_ask(catalog)
    run = next((each for each in choice if each.pk == whole(request.GET.get("run"), 0)), choice[0] if choice else None)
    who, what = clean_text(request, "person"), clean_text(request, "item", 200)
    person = pages.person(catalog, who) if who else None
    item = pages.item(catalog, what) if what else None
    if person is not None and item is not None and run is not None:
        return redirect(asked(catalog, run, person.client_id, item.client_id))
    context: dict[str, Any] = {
        "choice": choice, "run": run, "who": who, "what": what, "person": person,
        "pages_of_runs": pages_of_runs(catalog, choice),
        "people": pages.find_people(catalog, who)[:FOUND] if who and person is None else [],
        "offered": offered(catalog, run, person, what) if run and person else [],
        "items": links(catalog, run, person, what) if run and person and what else [],
        "examples": examples(catalog, run) if run and not who else [],
        "anyone": catalog.users.exists(),
    }  # fmt: skip
    return show(
        request, "explain/explanations", title="Explanations", catalog=catalog, section="explanations", **context
    )


def asked(catalog: Catalog, run: Run, person: str, item: str) -> str:
    return State(person, item, run=run.pk).address(catalog)


def offered(catalog: Catalog, run: Run, person: EndUser, what: str) -> list[dict[str, Any]]:
    """The person's list, to choose an item of."""
    if what:
        return []
    return [
        {"rank": each.rank, "title": each.title or each.item, "reason": each.reason.text,
         "address": asked(catalog, run, person.client_id, each.item)}
        for each in list_of(catalog, run, person, LISTED)
    ]  # fmt: skip


def links(catalog: Catalog, run: Run, person: EndUser, what: str) -> list[dict[str, Any]]:
    """Items with these words, whether or not they are in the list."""
    return [
        {"title": each.title or each.client_id, "address": asked(catalog, run, person.client_id, each.client_id)}
        for each in pages.find_items(catalog, what)[:FOUND]
    ]


def examples(catalog: Catalog, run: Run) -> list[dict[str, Any]]:
    """Some people with the first item of their list: such as did about TYPICAL things, which explains itself soon."""
    some = list(catalog.users.order_by("id")[:LOOKED_AT])
    counts = {key: row["interactions"] for key, row in pages.people_facts(some).items()}
    some = sorted((each for each in some if each.pk in counts), key=lambda each: abs(counts[each.pk] - TYPICAL))
    rows = []
    for person in sorted(some[:EXAMPLES], key=lambda each: each.pk):
        for each in list_of(catalog, run, person, 1):
            address = asked(catalog, run, person.client_id, each.item)
            rows.append({"person": person.client_id, "title": each.title or each.item, "address": address,
                         "reason": each.reason.text})  # fmt: skip
    return rows


def list_of(catalog: Catalog, run: Run, person: EndUser, length: int) -> list[serving.Recommended]:
    question = serving.Question(catalog_id=catalog.pk, user=person.client_id, n=length, run=run.pk, noted=False)
    try:
        return serving.recommend(question).items
    except (BadInput, Conflict):
        return []


def pages_of_runs(catalog: Catalog, choice: list[Run]) -> list[dict[str, Any]]:
    """Each run with its pages of explanations in general, as far as there are any."""
    rows = []
    for run in choice:
        addresses = {"overall": there("explain_run", catalog, run), "trust": there("explain_trust", catalog, run)}
        if any(addresses.values()):
            rows.append({"run": run, **addresses})
    return rows


def there(name: str, catalog: Catalog, run: Run) -> str:
    """The address of a page, "" where there is no such page."""
    try:
        return reverse(name, args=[catalog.name, run.pk])
    except NoReverseMatch:
        return ""
