"""How far the explanations of a run can be trusted: figures of every method beside chance and the best that can be."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from explain.attribution import registry
from explain.models import Examination
from explain.selectors import trust as select
from explain.services.trust import FEWEST, MOST, PEOPLE
from explain.views.examinations import examination_context
from explain.views.explanation_parts import title_of
from explain.views.trust_figures import (
    CURVES,
    MEASURES,
    agreement_figure,
    cannot_words,
    curve_figure,
    faithful_figure,
    finding,
    groups_figure,
    method_rows,
    ways_of,
)
from recommender.algorithms import registry as algorithms
from recommender.models import Catalog, Run
from recommender.selectors import pages
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show
from recommender.views.run_parts import run_or_404
from recommender.views.segments import ATTRIBUTE, seen_attributes


@require_safe
@page("view")
def trust(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """`figure`, `way` and `by` of the address: which figure is drawn, whose gaps between which groups of people."""
    run = run_or_404(catalog, run_id)
    context = examination_context(run, Examination.Kind.TRUST) | start_context(run)
    examined = context["examined"]
    if examined is not None:
        context |= shown(request, catalog, examined)
    name = f"{run.algorithm} #{run.pk}"
    crumbs = [("Runs", reverse("runs", args=[catalog.name])), (name, reverse("run", args=[catalog.name, run.pk]))]
    return show(
        request, "explain/trust", title=f"How far to trust explanations of {name}", catalog=catalog,
        section="explanations", crumbs=crumbs, figures=examined is not None, **context,
    )  # fmt: skip


def start_context(run: Run) -> dict[str, Any]:
    """What the form that starts an examination offers."""
    return {
        "all_methods": [(name, title_of(name)) for name in registry.METHODS], "twin": select.twin(run),
        "draws": algorithms.ranks(run.algorithm) and algorithms.get(run.algorithm).stochastic,
        "usual": PEOPLE, "fewest": FEWEST, "most": MOST,
    }  # fmt: skip


def shown(request: HttpRequest, catalog: Catalog, row: Examination) -> dict[str, Any]:
    results, attributes = row.results, {each.name: each for each in seen_attributes(request.user, catalog)}
    ways = ways_of(results)
    measure = chosen(request, "figure", dict(MEASURES), "cdcg")
    way = chosen(request, "way", ways, next(iter(ways), ""))
    groupings = {"units": "by how much is known of them"} | {ATTRIBUTE + name: f"by {name}" for name in attributes}
    by = chosen(request, "by", groupings, "units")
    table = select.people(row)
    address = reverse("explain_trust_csv", args=[catalog.name, row.run_id, row.pk])
    return {
        "finding": finding(results), "methods": method_rows(results), "measures": [(k, v[0]) for k, v in MEASURES],
        "measure": measure, "faithful": faithful_figure(results, measure, address),
        "curves": [curve_figure(results, curve) for curve in CURVES], "agreement": agreement_figure(results),
        "ways": list(ways.items()), "way": way, "groupings": list(groupings.items()), "by": by,
        "groups": None if table is None else groups_figure(
            catalog, table, way=way, title=ways.get(way, way), attribute=attributes.get(by.removeprefix(ATTRIBUTE)),
            algorithm=row.run.algorithm,
        ),
        "people": row.people, "cannot": cannot_words(results), "skipped": results.get("skipped", 0),
        "most_units": results.get("most_units"), "removed": results.get("removed", 5), "people_csv": address,
    }  # fmt: skip


def chosen(request: HttpRequest, name: str, known: Any, default: str) -> str:
    """What the address asks for where that is known."""
    given = request.GET.get(name, "")
    return given if given in known else default


@require_safe
@page("view")
def trust_csv(request: HttpRequest, catalog: Catalog, run_id: int, examination_id: int) -> HttpResponse:
    """A row per person and way, by the client's ids."""
    run = run_or_404(catalog, run_id)
    row = Examination.objects.filter(run=run, pk=examination_id, kind=Examination.Kind.TRUST).first()
    table = select.people(row) if row is not None else None
    if table is None:
        raise Http404("There are no rows about people: nothing was examined, or someone in them was erased.")
    ids = pages.client_ids(catalog, sorted(set(table["user"].tolist())))
    columns = [each for each in table.columns if each != "user"]
    rows = table[["user", *columns]].itertuples(index=False)
    return csv_answer(f"trust-{run_id}", ["user", *columns], ([ids.get(row[0], ""), *row[1:]] for row in rows))
