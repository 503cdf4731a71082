"""A new item: who would be shown it, by what is said of it alone, and after the first few people took it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from recommender import hooks
from recommender.exceptions import BadCheckpoint, Conflict
from recommender.models import Catalog, Item, Run
from recommender.rights import may
from recommender.selectors import audience as groups
from recommender.selectors import lab as select
from recommender.selectors import pages
from recommender.services import new_items
from recommender.templatetags.pages import metric, percent
from recommender.views.figures import Figure, draw
from recommender.views.frame import page, show
from recommender.views.paging import clean_text, whole

LISTED = ("categories", "creators")
LEAST_COVERED = 0.5
"""Share of everyone in the largest groups of an attribute, below which it (a postal code) says nothing by groups."""
TYPED = ("title", "categories", "creators", "description")


@require_safe
@page("view")
def cold_item(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    choice = new_items.runs_that_can(catalog)
    there = {run.pk: run for run in choice}
    run = there.get(whole(request.GET.get("run"), 0)) or new_items.preferred(choice)
    said = said_of(request)
    item = pages.item(catalog, clean_text(request, "item"))
    took, unknown = named_people(catalog, clean_text(request, "took", 3000))
    context: dict[str, Any] = {"found": None, "error": ""}
    if run is not None and (item is not None or said):
        try:
            found = new_items.audience(catalog=catalog, run=run, item=item, said=said, took=took)
            context = outcome(request, catalog, found, run, None if said else item)
        except (Conflict, BadCheckpoint) as error:
            context["error"] = f"{error} Choose another run, or train this one again."
    text = clean_text(request)
    return show(
        request, "lab_item", title="A new item", catalog=catalog, section="cold_start", figures=True,
        crumbs=[("Cold start", reverse("cold_start", args=[catalog.name]))], choice=choice, run=run, item=item,
        typed={name: request.GET.get(name, "")[:5000] for name in (*TYPED, "took")}, said=said, unknown=unknown,
        q=text, matches=pages.find_items(catalog, text)[:5] if text else [], missing=clean_text(request, "item"),
        shown=new_items.SHOWN, **context,
    )  # fmt: skip


def said_of(request: HttpRequest) -> dict[str, Any]:
    """What is typed of the item; several categories or creators are separated by |."""
    found: dict[str, Any] = {}
    for name in TYPED:
        text = clean_text(request, name, 5000)
        if text:
            found[name] = [part.strip() for part in text.split("|") if part.strip()] if name in LISTED else text
    return found


def named_people(catalog: Catalog, text: str) -> tuple[list[int], list[str]]:
    """Keys of the people whose ids are typed, separated by commas, twenty at most; and ids nobody has."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))[:20]
    keys = select.keys_of_people(catalog, names)
    return [keys[name] for name in names if name in keys], [name for name in names if name not in keys]


def outcome(
    request: HttpRequest, catalog: Catalog, found: new_items.Audience, run: Run, item: Item | None
) -> dict[str, Any]:
    """`item`: one of the catalog that nothing else was said of, whose place each person can ask about."""
    ids = pages.client_ids(catalog, [key for stage in found.stages for key, _ in stage.best])
    stages = [
        {
            "taken": stage.taken, "shown": percent(stage.shown), "place": stage.place, "auc": words_of(stage.auc),
            "best": [(ids[key], place, why(catalog, run, ids[key], item)) for key, place in stage.best if key in ids],
        }
        for stage in found.stages
    ]  # fmt: skip
    names = groups.grouping_attributes(catalog, sensitive=may(request.user, "sensitive"))
    figures = [figure for name in names if (figure := group_figure(catalog, found, name))]
    return {"found": found, "stages": stages, "figures_of": figures, "error": ""}


def why(catalog: Catalog, run: Run, person: str, item: Item | None) -> str:
    if item is None:
        return ""
    return hooks.why_address(catalog=catalog.name, run=run.pk, person=person, item=item.client_id)


def words_of(auc: tuple[float, float, float] | None) -> str:
    return "–" if auc is None else f"{metric(auc[0], 2)} ({metric(auc[1], 2)} to {metric(auc[2], 2)})"


def group_figure(catalog: Catalog, found: new_items.Audience, name: str) -> Figure | None:
    rows = select.group_shares(catalog, name, found.top, found.everyone)
    if sum(row["overall"] for row in rows) < LEAST_COVERED:
        return None
    most = max(rows, key=lambda row: row["share"] - row["overall"])
    return Figure(
        key=f"audience-{name}",
        title=f"{name.capitalize()}: above all {most['group']}, {percent(most['share'])} of the tenth it suits best, "
        f"{percent(most['overall'])} of everyone",
        columns=(name, "people", "share", "share of everyone"),
        rows=[(row["group"], row["people"], row["share"], row["overall"]) for row in rows],
        definition="The tenth of the people asked in whose own lists, by their length, the item stands highest, after "
        "the last stage, beside all people asked. No interval is computed.",
        json=draw("shares", rows, group="group"),
        height=80 + 44 * len(rows),
        numeric=frozenset({1, 2, 3}),
    )
