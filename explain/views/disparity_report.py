"""What a report of disparities holds, for its page, its file and its paper alike; and its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from explain.models import DisparityAudit
from explain.services import printing
from explain.views import disparity_figures as people
from explain.views import disparity_item_figures as items
from explain.views.disparity_annex import ADVICE, card_rows, law_rows
from explain.views.disparity_figures import CROSSED, EVERY, Drawn, Results, named, shown
from explain.views.disparity_parts import alerts_in, audit_or_404, name_of, seen_results
from recommender.models import Catalog, Run
from recommender.rights import may
from recommender.templatetags.pages import percent, plain
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show

PARAMETERS = ("metric", "by", "cross", "of", "trust")


@dataclass(frozen=True)
class Choice:
    """What of a report is drawn: a metric, a grouping (or every), two crossed, classes of items, a figure of trust."""

    metric: str
    by: str
    cross: str
    of: str
    trust: str

    @classmethod
    def read(cls, given: Mapping[str, str], results: Results) -> Choice:
        """Of what the results have; anything else falls back to the first."""
        offered = {name: [key for key, _ in rows] for name, rows in choices(results).items()}

        def one(name: str) -> str:
            known = offered[name]
            return given.get(name, "") if given.get(name, "") in known else next(iter(known), "")

        return cls(*(one(name) for name in PARAMETERS))

    def query(self) -> str:
        return urlencode({name: getattr(self, name) for name in PARAMETERS if getattr(self, name)})


def choices(results: Results) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen, by parameter of the address: (key, words), the default first."""
    groupings = [each for each in results["groupings"] if each["groups"]]
    trust = {
        row["figure"]: dict(people.MEASURES).get(row["figure"], (row["figure"],))[0]
        for each in groupings
        for row in each.get("explanations") or []
    }
    plain_ones = [(each["name"], each["title"]) for each in groupings if each["kind"] != CROSSED]
    return {
        "metric": [(name, named(name)) for name in results["about"]["metrics"]],
        "by": [(EVERY, "every grouping"), *plain_ones],
        "cross": [(each["name"], each["title"]) for each in groupings if each["kind"] == CROSSED],
        "of": [(each["name"], each["title"]) for each in results["classes"]],
        "trust": list(trust.items()),
    }


def figures_of(results: Results, choice: Choice) -> dict[str, Drawn | None]:
    """By key; None where there is nothing of the kind to speak of."""
    first = next((each["name"] for each in results["groupings"] if each["groups"] and each["kind"] != CROSSED), "")
    one = choice.by if choice.by != EVERY else first
    parts: list[Drawn] = [
        people.gaps_figure(results, choice.metric, choice.by),
        people.sizes_figure(results, choice.by),
        people.people_figure(results, choice.metric),
        items.exposure_figure(results),
        items.lift_figure(results, choice.by),
        items.calibration_figure(results, choice.by),
        items.classes_figure(results, choice.of),
        items.parity_figure(results, one, choice.of, "parity"),
        *items.weeks_figures(results, choice.metric, one),
    ]
    if results["about"]["source"] != DisparityAudit.Source.SERVED:
        parts.append(items.parity_figure(results, one, choice.of, "opportunity"))
    if choice.cross:
        parts.append(people.crossed_figure(results, choice.metric, choice.cross))
    if choice.trust:
        parts.append(people.explanations_figure(results, choice.by, choice.trust))
    return {each.figure.key: each for each in parts}


def contents(row: DisparityAudit, results: Results, choice: Choice) -> dict[str, Any]:
    """What page and file show besides the figures."""
    return {
        "audit": row, "run": row.run, "about": results["about"], "summary": results["summary"],
        "sensitive_words": sensitive_words(results), "facts": facts(row, results), "problems": results["problems"],
        "choice": choice, "forms": forms_of(choice, choices(results)), "metric_words": named(choice.metric),
        "main": named(results["about"]["main"]), "spread": people.spread_rows(results, choice.metric),
        "named": named_figures(results, choice), "measures": measures(results, choice),
        "limits": results["limits"], "card": card_rows(row), "laws": law_rows(row.catalog.name), "advice": ADVICE,
        "served": results["about"]["source"] == DisparityAudit.Source.SERVED, "tests": results["tests"],
    }  # fmt: skip


def sensitive_words(results: Results) -> str:
    """What stands first: which sensitive attributes the recommender itself reads."""
    about = results["about"]
    read, looked = about.get("sensitive_features") or [], about.get("run_groups") or []
    certain = about.get("sensitive_known", about["source"] == DisparityAudit.Source.HELD_OUT)
    if read:
        said = f"The recommender behind these lists reads sensitive attributes of people: {', '.join(read)}."
    elif certain:
        said = (
            "The recommender behind these lists reads no sensitive attribute of people: what is grouped by below was "
        )
        said += "looked up for this audit."
    else:
        said = "Weights of what served are gone, so it is not known whether a sensitive attribute of people was read."
    return f"{said} Its training looked at groups by {', '.join(looked)}." if looked else said


def facts(row: DisparityAudit, results: Results) -> list[tuple[str, str]]:
    about = results["about"]
    what = "lists made for held-out data" if about["source"] == DisparityAudit.Source.HELD_OUT else "answers served"
    data = ", ".join(f"{name.replace('_', ' ')} {_said(value)}" for name, value in (about.get("data") or {}).items())
    rows = [
        ("Examined", f"{about['lists']:,} {what}, of at most {about['k']} items"),
        ("People", f"{about['people']:,}"),
        ("Items that may be shown", f"{about['items']:,}"),
        ("Data", data),
        ("Metrics", ", ".join(map(named, about["metrics"]))),
        ("Statistics", f"{about['resamples']:,} resamples of people, {about['permutations']:,} permutations, seed "
         f"{about['seed']}; groups under {about['least']} people hidden"),
        ("Ended", f"{row.finished:%Y-%m-%d %H:%M} UTC, after {about['seconds']:.1f} s" if row.finished else ""),
    ]  # fmt: skip
    return [each for each in rows if each[1]]


LABELS = {"metric": "Metric", "by": "Groups", "cross": "Crossed", "of": "Classes", "trust": "Figure"}
FORMS = {"groups": ("metric", "by"), "crossed": ("metric", "cross"), "everyone": ("metric",), "exposure": ("of",),
         "lists": ("by", "of"), "weeks": ("metric", "by"), "explained": ("by", "trust")}  # fmt: skip
"""By section, what is chosen in it."""


def forms_of(choice: Choice, offered: Mapping[str, list[tuple[str, str]]]) -> dict[str, dict[str, Any]]:
    """A form per section, which keeps what was chosen in the others."""
    return {
        section: {
            "section": section,
            "selects": [{"name": name, "label": LABELS[name], "options": offered[name], "value": getattr(choice, name),
                         "id": f"{section}-{name}"} for name in names if len(offered[name]) > 1],
            "kept": [(name, getattr(choice, name)) for name in PARAMETERS if name not in names],
        }
        for section, names in FORMS.items()
    }  # fmt: skip


def _said(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def named_figures(results: Results, choice: Choice) -> list[dict[str, str]]:
    """The figures people ask for by name."""
    exposure, popularity = results["exposure"], results["popularity"]
    spreads = [(each["title"], (each["spread"].get(choice.metric) or {}).get("std")) for each in results["groupings"]
               if each["kind"] != CROSSED and choice.by in (EVERY, each["name"])]  # fmt: skip
    title, std = max((row for row in spreads if row[1] is not None), key=lambda row: row[1], default=("", None))
    biases = [
        (name, found["bias"])
        for name, _, found in people.groups_of(people.chosen_groupings(results, choice.by), choice.metric)
        if people.has(found, "bias")
    ]
    who, bias = max(biases, key=lambda row: abs(row[1]), default=("", None))
    words = named(choice.metric)
    return [
        {"name": "Gini coefficient", "value": shown(exposure.get("gini")), "note": "of exposure over items"},
        {"name": "Standard deviation across groups", "value": shown(std),
         "note": f"of {words} by {title}" if title else "no two groups to compare"},
        {"name": "Largest bias per group", "value": people.signed(bias) if bias is not None else "–",
         "note": f"{who}, {words} less everyone’s" if who else "no groups"},
        {"name": "Popularity lift", "value": shown(popularity.get("lift")), "note": "0: as popular as their choices"},
        {"name": "Coverage", "value": percent(exposure.get("coverage")), "note": "of the items are in someone’s list"},
    ]  # fmt: skip


def measures(results: Results, choice: Choice) -> dict[str, list[tuple[str, str, str]]]:
    """Single figures of people and of items: name, value, formula."""
    spread, exposure = results["people"].get(choice.metric) or {}, results["exposure"]
    new = exposure.get("new") or {}
    return {
        "people": [
            ("Mean", _with_span(spread, "mean", "low", "high"), "Over all people."),
            ("Standard deviation", shown(spread.get("std")), "√ mean (q_u − q̄)², over people."),
            ("User MAD", shown(spread.get("mad")), "Mean of |q_u − q_v| over all pairs of people."),
            ("Gini coefficient", _with_span(spread, "gini", "gini_low", "gini_high"), "Σ|q_u − q_v| / (2 n² q̄)."),
        ],
        "items": [
            ("Coverage", percent(exposure.get("coverage")), "Share of the items that are in at least one list."),
            ("Never shown", percent(exposure.get("never")), "Share of the items in no list."),
            ("Half of all exposure", _share(exposure.get("half")), "Least share of the items that gets half of it."),
            ("Equity of attention", shown(exposure.get("equity_of_attention")), "Σ |E_i / ΣE − R_i / ΣR|, from 0 "
             "(attention follows what people chose) to 2."),
            ("AWRF against the catalogue", shown(exposure.get("awrf_catalogue")), "1 − Jensen–Shannon "
             "divergence, in bits, of the shares of exposure from equal shares; 1: the same."),
            ("AWRF against relevance", shown(exposure.get("awrf_relevance")), "1 − Jensen–Shannon "
             "divergence, in bits, of the shares of exposure from those of what people chose."),
            ("New items", f"{_share(new.get('share'))} of exposure", f"{_share(new.get('catalogue_share'))} of the "
             f"catalogue, {new.get('items') or 0:,} items."),
        ],
    }  # fmt: skip


def _with_span(row: Mapping[str, Any], value: str, low: str, high: str) -> str:
    span = f" ({plain(row[low])} to {plain(row[high])})" if people.has(row, low) and people.has(row, high) else ""
    return shown(row.get(value)) + span


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


@require_safe
@page("view")
def disparity(request: HttpRequest, catalog: Catalog, audit_id: int) -> HttpResponse:
    """`metric`, `by`, `cross`, `of` and `trust` of the address: what is drawn."""
    row = audit_or_404(catalog, audit_id)
    crumbs = [("Disparities", reverse("disparities", args=[catalog.name]))]
    context: dict[str, Any] = {"audit": row, "live": row.status in Run.LIVE, "run": row.run}
    done = row.status == Run.Status.SUCCEEDED
    if done:
        results = seen_results(request.user, row)
        choice = Choice.read(request.GET, results)
        context |= contents(row, results, choice)
        context |= {"drawn": on_page(row, results, choice),
                    "sees": len(results["groupings"]) == len(row.results["groupings"]),
                    "alerts": alerts_in(row, results), "query": choice.query(),
                    "sweeps": sweeps_address(row), "pdf": printing.browser() is not None,
                    "may_sensitive": may(request.user, "sensitive")}  # fmt: skip
    return show(
        request, "explain/disparity", title=f"Disparities of {name_of(row)}", catalog=catalog, section="disparities",
        crumbs=crumbs, figures=done, **context,
    )  # fmt: skip


def on_page(row: DisparityAudit, results: Results, choice: Choice) -> dict[str, Any]:
    """Figures with the address of their rows, by a name that a template can say."""
    return {key.replace("-", "_"): each for key, each in _addressed(row, results, choice)}


def _addressed(row: DisparityAudit, results: Results, choice: Choice) -> Iterator[tuple[str, Any]]:
    for key, each in figures_of(results, choice).items():
        where = reverse("disparity_csv", args=[row.catalog.name, row.pk, key])
        figure = each.on_page()
        yield key, type(figure)(**{**vars(figure), "csv": f"{where}?{choice.query()}"})


def sweeps_address(row: DisparityAudit) -> str:
    """The page on which remedies for this run are tried; "" for answers of all runs."""
    return f"{reverse('remedies', args=[row.catalog.name])}?run={row.run_id}" if row.run_id else ""


@require_safe
@page("view")
def disparity_csv(request: HttpRequest, catalog: Catalog, audit_id: int, figure: str) -> HttpResponse:
    """The rows of one figure, as the address chooses them."""
    row = audit_or_404(catalog, audit_id)
    if row.status != Run.Status.SUCCEEDED:
        raise Http404("This audit has no results.")
    results = seen_results(request.user, row)
    found = figures_of(results, Choice.read(request.GET, results)).get(figure)
    if found is None:
        raise Http404(f"This report has no figure “{figure}”.")
    return csv_answer(f"disparities-{row.pk}-{figure}", found.figure.columns, found.figure.rows)
