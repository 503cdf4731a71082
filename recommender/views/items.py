"""Items: find one by title, see what it is, what goes with it, who meets it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from recommender import hooks
from recommender.models import Catalog, Item
from recommender.rights import may
from recommender.selectors import audience, nearness, pages
from recommender.services import serving
from recommender.views.figures import csv_answer, interactions_figure, shares_figure, values_figure
from recommender.views.frame import demand, page, show
from recommender.views.paging import clean_text, paged


@require_safe
@page("view")
def items(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    text, category = clean_text(request), clean_text(request, "category", 200)
    hidden = request.GET.get("hidden", "")
    found = pages.find_items(catalog, text, category, hidden)
    shown = paged(request, found.defer("text_vector", "description"))
    facts = pages.items_facts(list(shown))
    for each in shown:
        each.facts = facts.get(each.pk, {"interactions": 0, "mean": None})
    return show(
        request, "items", title="Items", catalog=catalog, section="items", q=text, category=category, hidden=hidden,
        shown=shown, categories=pages.categories(catalog), filtered=bool(text or category or hidden),
    )  # fmt: skip


@require_safe
@page("view")
def item(request: HttpRequest, catalog: Catalog, item: str) -> HttpResponse:
    found = item_or_404(catalog, item)
    groups = audience.grouping_attributes(catalog, sensitive=may(request.user, "sensitive"))
    group = request.GET.get("group", "")
    group = group if group in groups else next(iter(groups), "")
    context: dict[str, Any] = {
        "item": found,
        "facts": audience.item_facts(found),
        "details": details(catalog, found),
        "similar": similar(found) if request.GET.get("with") == "similar" else None,
        "alike": similar(found, by=serving.TEXT),
        "encoded": nearness.has_vectors(catalog.pk),
        "latest": latest(found),
        "groups": groups,
        "group": group,
        "over_time": interactions_figure(catalog, found),
        "spread": values_figure(audience.values(item=found), f"{found}"),
        "audience": shares_figure(found, group) if group else None,
    }
    crumbs = [("Items", reverse("items", args=[catalog.name]))]
    return show(
        request, "item", title=found.title or f"Item {found.client_id}", catalog=catalog, section="items",
        crumbs=crumbs, figures=True, **context,
    )  # fmt: skip


@require_safe
@page("view")
def similar_fragment(request: HttpRequest, catalog: Catalog, item: str) -> HttpResponse:
    """Asked for once the page is there: counting is slow the first time."""
    found = item_or_404(catalog, item)
    context = {"catalog": catalog, "item": found, "similar": similar(found)}
    return render(request, "recommender/parts/similar.html", context)


def similar(item: Item, count: int = 10, by: str = serving.TOGETHER) -> list[dict[str, Any]]:
    """What the people who met it met besides, or what is described alike, as the API answers."""
    question = serving.Question(catalog_id=item.catalog_id, user="", n=count, noted=False)
    _, found = serving.similar_by(question, item_id=item.pk, by=by)
    places = [place for place in found if place.score > 0]
    rows = pages.items_by_key(item.catalog, [place.key for place in places])
    return [{"item": rows[place.key], "score": place.score} for place in places if place.key in rows]


def latest(item: Item) -> list[dict[str, Any]]:
    """Who met it last, each with the page that explains what the recommender in service makes of it for them."""
    serving_now = pages.deployed(item.catalog)
    rows = []
    for row in audience.latest_people(item):
        given = {"catalog": item.catalog.name, "person": row.user.client_id, "item": item.client_id}
        rows.append({"met": row, "why": hooks.why_address(run=serving_now.run_id, **given) if serving_now else ""})
    return rows


def item_or_404(catalog: Catalog, client_id: str) -> Item:
    found = pages.item(catalog, client_id) if "\x00" not in client_id else None
    if found is None:
        raise Http404(f"{catalog} knows no item with the id “{client_id}”.")
    return found


def details(catalog: Catalog, item: Item) -> list[dict[str, Any]]:
    """What is known of an item, without what is empty or stands in the head of the page."""
    rows = [
        ("Creators", ", ".join(item.creators)),
        ("Released", item.released.strftime("%-d %B %Y") if item.released else ""),
        ("Price", f"{item.price:,.2f}" if item.price is not None else ""),
        *((name, value) for name, value in item.attributes.items()),
        ("Id", item.client_id),
    ]
    return [{"name": name, "value": value} for name, value in rows if value not in ("", None, [])]


@require_safe
@page("view")
def interactions_csv(request: HttpRequest, catalog: Catalog, item: str = "") -> HttpResponse:
    found = item_or_404(catalog, item) if item else None
    rows = pages.interactions_over_time(catalog, item=found)
    cells = [(row["period"].isoformat(), row["interactions"]) for row in rows]
    return csv_answer("interactions", ("period", "interactions"), cells)


@require_safe
@page("view")
def audience_csv(request: HttpRequest, catalog: Catalog, item: str, attribute: str) -> HttpResponse:
    found = item_or_404(catalog, item)
    if attribute not in audience.grouping_attributes(catalog, sensitive=True):
        raise Http404(f"{catalog} declares no attribute “{attribute}” that people can be grouped by.")
    if attribute not in audience.grouping_attributes(catalog, sensitive=False):
        demand(request.user, "sensitive")
    rows = [(row["group"], row["people"], row["share"], row["overall"]) for row in audience.shares(found, attribute)]
    return csv_answer("people", (attribute, "people", "share", "share_of_everyone"), rows)
