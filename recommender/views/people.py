"""People: find one, see what they did, put the lists that several runs would give them side by side."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from recommender.models import Catalog, EndUser
from recommender.selectors import audience, pages
from recommender.services import interests
from recommender.views.comparing import LENGTHS, comparison
from recommender.views.figures import Figure, csv_answer, draw
from recommender.views.frame import page, show
from recommender.views.paging import clean_text, paged, whole

SHOWN_ATTRIBUTES = 4


@require_safe
@page("view")
def people(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    text = clean_text(request)
    shown = paged(request, pages.find_people(catalog, text))
    attributes = [each.name for each in pages.declared(catalog, "user")][:SHOWN_ATTRIBUTES]
    facts = pages.people_facts(list(shown))
    rows = [
        {
            "person": each,
            "attributes": [each.attributes.get(name, "") for name in attributes],
            "facts": facts.get(each.pk, {"interactions": 0, "last": None}),
        }
        for each in shown
    ]
    return show(
        request, "people", title="People", catalog=catalog, section="people", q=text, rows=rows, shown=shown,
        attributes=attributes,
    )  # fmt: skip


@require_safe
@page("view")
def person(request: HttpRequest, catalog: Catalog, person: str) -> HttpResponse:
    found = person_or_404(catalog, person)
    length = whole(request.GET.get("k"), 10, LENGTHS)
    context = comparison(request, catalog, found, length) | {
        "person": found,
        "facts": audience.person_facts(found),
        "likes": audience.favourite_categories(found),
        "attributes": attribute_rows(catalog, found),
        "interests": interest_figures(catalog, found),
        "history": paged(request, pages.history(found), 25),
        "history_csv": reverse("history_csv", args=[catalog.name, found.client_id]),
    }
    crumbs = [("People", reverse("people", args=[catalog.name]))]
    return show(
        request, "person", title=f"Person {found.client_id}", catalog=catalog, section="people", crumbs=crumbs,
        figures=True, **context,
    )  # fmt: skip


KINDS = {"categories": "Categories", "creators": "Creators", "words": "Words of titles and descriptions"}
MEASURES = {
    "words": "TF-IDF: the share of this person's items whose text holds the word, times the logarithm of how rare it "
    "is among the catalog's texts.",
    "": "Log-odds: how much more often this person meets it than everyone does, drawn towards nothing where few items "
    "say so; 0.7 is twice the odds.",
}


def interest_figures(catalog: Catalog, person: EndUser) -> list[Figure]:
    """One figure for each kind of which something is above the usual."""
    found = interests.interests_of(person=person)
    return [interest_figure(catalog, person, kind, rows) for kind in KINDS if (rows := of_kind(found, kind))]


def of_kind(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["kind"] == kind]


def interest_figure(catalog: Catalog, person: EndUser, kind: str, rows: list[dict[str, Any]]) -> Figure:
    lately = max(rows, key=lambda row: row["recent"])
    first = rows[0]["name"]
    finding = f"{first}, lately {lately['name']}" if lately["name"] != first else f"{first}, also lately"
    return Figure(
        key=f"interests-{kind}",
        title=f"{KINDS[kind]}: above all {finding}",
        columns=(kind, "items", "share here", "usual share", "all time", "lately"),
        rows=[tuple(row[name] for name in ("name", "items", "share", "usual", "long_term", "recent")) for row in rows],
        definition=f"{MEASURES.get(kind, MEASURES[''])} An item rated below the person's own mean counts half; lately: "
        "an item counts half for each ten that were met after it. Only what at least two items share.",
        csv=reverse("interests_csv", args=[catalog.name, person.client_id]),
        json=draw("interests", rows),
        height=90 + 34 * len(rows),
        numeric=frozenset({1, 2, 3, 4, 5}),
    )


@require_safe
@page("view")
def interests_csv(request: HttpRequest, catalog: Catalog, person: str) -> HttpResponse:
    found = interests.interests_of(person=person_or_404(catalog, person), most=50)
    columns = ("kind", "name", "items", "share", "usual", "long_term", "recent")
    return csv_answer("interests", columns, (tuple(row[name] for name in columns) for row in found))


@require_safe
@page("view")
def history_csv(request: HttpRequest, catalog: Catalog, person: str) -> HttpResponse:
    rows = pages.history(person_or_404(catalog, person))
    cells = ((row.item.client_id, row.item.title, row.kind, row.value, row.time.isoformat()) for row in rows.iterator())
    return csv_answer("history", ("item", "title", "kind", "value", "time"), cells)


def person_or_404(catalog: Catalog, client_id: str) -> EndUser:
    found = pages.person(catalog, client_id) if "\x00" not in client_id else None
    if found is None:
        raise Http404(f"{catalog} knows no person with the id “{client_id}”.")
    return found


def attribute_rows(catalog: Catalog, person: EndUser) -> list[dict[str, Any]]:
    """What is known of a person: the declared attributes first, then the rest."""
    declared = {each.name: each for each in pages.declared(catalog, "user")}
    names = [*declared, *(name for name in person.attributes if name not in declared)]
    return [
        {"name": name, "value": person.attributes[name], "declared": declared.get(name)}
        for name in names
        if name in person.attributes
    ]
