"""What counts for everyone in a run: importance, dependence, simple stand-ins, sensitivity to categories."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from explain.attribution import registry as methods
from explain.views import overall_figures as figures
from explain.views import trust_figures
from explain.views.examinations import examination_context, latest
from recommender.algorithms import registry
from recommender.models import Catalog, Run
from recommender.rights import may
from recommender.selectors import pages
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show
from recommender.views.run_parts import run_or_404

KIND = "global"
STAND_INS = (("tree", "The tree"), ("linear", "The weights"))


@require_safe
@page("view")
def overall(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """`by` in the address chooses the attribute whose groups are compared."""
    run = run_or_404(catalog, run_id)
    context = examination_context(run, KIND)
    examined = context["examined"]
    name = f"{run.algorithm} #{run.pk}"
    crumbs = [("Runs", reverse("runs", args=[catalog.name])), (name, reverse("run", args=[catalog.name, run.pk]))]
    return show(
        request, "explain/overall", title=f"What counts in {name}", catalog=catalog, section="explanations",
        crumbs=crumbs, figures=True, ranks=registry.ranks(run.algorithm), methods=list(methods.METHODS),
        deployed=pages.deployed(catalog),
        trust=trust_of(catalog, run), **context, **(found(request, run, examined.results) if examined else {}),
    )  # fmt: skip


def trust_of(catalog: Catalog, run: Run) -> dict[str, Any]:
    """Where the page of trust is, and what the newest examination of it found."""
    said: dict[str, Any] = {"address": reverse("explain_trust", args=[catalog.name, run.pk])}
    examined = latest(run, "trust")
    if examined is None:
        return said
    rows = reverse("explain_trust_csv", args=[catalog.name, run.pk, examined.pk])
    return said | {
        "examined": examined, "finding": trust_figures.finding(examined.results),
        "figure": trust_figures.faithful_figure(examined.results, "cdcg", rows),
    }  # fmt: skip


def found(request: HttpRequest, run: Run, results: dict[str, Any]) -> dict[str, Any]:
    """What an examination found, as figures; sensitive attributes only for who may see them."""
    attributes = [] if results.get("flat") else visible(results, sensitive=may(request.user, "sensitive"))
    by = request.GET.get("by", "")
    by = by if by in attributes else next(iter(attributes), "")
    points = reverse("explain_points", args=[run.catalog.name, run.pk])
    counted = [figures.of_parts(results), figures.of_categories(results), figures.of_points(results, points),
               figures.of_items(results)]  # fmt: skip
    stand_ins = results.get("stand_ins", {})
    return {
        "results": results, "counted": [each for each in counted if each],
        "dependence": figures.of_dependence(results), "concepts": figures.of_concepts(run, results),
        "tree": figures.of_tree(results), "linear": figures.of_linear(results),
        "refused": [(words, stand_ins[name]["refused"]) for name, words in STAND_INS
                    if stand_ins.get(name, {}).get("refused")],
        "by": by, "attributes": attributes, "group_rows": figures.group_rows(results, by),
        "by_group": figures.of_groups(results, by),
    }  # fmt: skip


def visible(results: dict[str, Any], *, sensitive: bool) -> list[str]:
    """Names of attributes whose groups may be shown."""
    first = next((each for each in results.get("dependence", []) if each["of"] == "interactions"), {})
    rows = [*results.get("groups", []), *first.get("groups", [])]
    return list(dict.fromkeys(row["attribute"] for row in rows if sensitive or not row["sensitive"]))


@require_safe
@page("view")
def points_csv(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """Every point of the beeswarm; rows are shuffled within a feature and name nobody."""
    run = run_or_404(catalog, run_id)
    examined = latest(run, KIND)
    if examined is None:
        raise Http404(f"What counts in run {run_id} has not been examined.")
    rows = examined.results.get("beeswarm", [])
    cells = [(row["feature"], row["value"], "" if row["level"] is None else row["level"] + 1) for row in rows]
    return csv_answer(f"points-{run_id}", ("feature", "signed share", "fifth of people"), cells)


def run_page(*, run: Run) -> tuple[str, str]:
    """Label and address, for the page of a run."""
    return "What counts", reverse("explain_run", args=[run.catalog.name, run.pk])
