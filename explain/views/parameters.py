"""How a catalog recommends, in plain words: the main parameters of what is in service, why they matter, and what a
person can change (Digital Services Act, article 27)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from explain.models import Examination
from explain.views.examinations import latest
from explain.views.overall_figures import INTERVAL, percent
from explain.views.parameter_words import (
    CAN_CHANGE,
    MADE_OF_OTHERS,
    MECHANISMS,
    OTHER,
    OTHERS,
    POPULARITY,
    READ,
    by_settings,
    grouped_by,
    read_by,
)
from recommender.models import Attribute, Catalog, Run
from recommender.selectors import pages
from recommender.services import parents
from recommender.views.figures import Figure, draw
from recommender.views.frame import page, show

NEWEST = ("1", "2", "3–5", "6–10")
HISTORY = {"newest": "the ten things done last", "before": "what was done earlier"}
FEW = 5
DEEPEST = 3


@require_safe
@page("view")
def parameters(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    deployed = pages.deployed(catalog)
    return show(
        request, "explain/parameters", title="How this catalog recommends", catalog=catalog, section="explanations",
        crumbs=[("Serving", reverse("serving", args=[catalog.name]))], figures=True, deployed=deployed,
        can_change=CAN_CHANGE, **attributes_of(catalog), **(said_of(deployed.run) if deployed else {}),
    )  # fmt: skip


def said_of(run: Run) -> dict[str, Any]:
    """What is said of the recommender in service, from its configuration and its examination."""
    examined = latest(run, "global")
    every = [run, *made_of(run)]
    names = {name for each in every for name in read_by(each.algorithm, each.config)}
    return {
        "run": run, "mechanism": MECHANISMS.get(run.algorithm, OTHER).says, "parts": parts_of(run),
        "reads": [READ[name] for name in READ if name in names],
        "does_not_read": [words for name, (words, _) in READ.items() if name not in names | shown_by(names)],
        "reads_attributes": "attributes" in names, "settings": by_settings(run.algorithm, run.config),
        "groups": sorted({grouped_by(each.config) for each in every} - {""}),
        "examined": examined, "handover": handover(run),
        "importance": importance_figure(examined), "sentences": sentences(examined),
    }  # fmt: skip


def shown_by(names: set[str]) -> set[str]:
    """What is not read itself, but comes with what is: who learns from what others do learns what is popular."""
    return {POPULARITY} if OTHERS in names else set()


def made_of(run: Run) -> list[Run]:
    """Runs that a recommender is made of, and theirs."""
    found: list[Run] = []
    if run.algorithm in MADE_OF_OTHERS:
        for each in run.parents.filter(catalog=run.catalog_id).order_by("pk"):
            found += [each, *made_of(each)]
    return list(dict.fromkeys(found))


def parts_of(run: Run, depth: int = 0) -> list[dict[str, Any]]:
    """Of one made of others: each part, how it decides and its share where that is fixed, then the part's own."""
    if run.algorithm not in MADE_OF_OTHERS or depth > DEEPEST:
        return []
    found = []
    for name, part, weight in parents.weights_of(run=run):
        own = by_settings(part.algorithm, part.config) if part else []
        found.append({"name": name, "of": run.algorithm if depth else "", "weight": weight,
                      "says": " ".join([MECHANISMS.get(name, OTHER).says, *own])})  # fmt: skip
        found += parts_of(part, depth + 1) if part else []
    return found


def handover(run: Run) -> str:
    """From when on the other part of a blend counts more, as its training learned it or its configuration says."""
    learned = next((row["threshold"] for row in run.curve if "threshold" in row), run.config.get("threshold"))
    if run.algorithm != "blend" or learned is None:
        return ""
    cold, warm = run.config.get("cold", "the first"), run.config.get("warm", "the second")
    if not learned:
        return f"{warm} answers everyone from the first interaction on."
    said = "one interaction" if learned == 1 else f"{f'{learned:.1f}'.removesuffix('.0')} interactions"
    return f"After {said} both count alike; below, {cold} counts more, above, {warm}."


def attributes_of(catalog: Catalog) -> dict[str, Any]:
    """Attributes of people: those that may be read, those that may not, by name."""
    declared = Attribute.objects.filter(catalog=catalog, scope=Attribute.Scope.USER).order_by("name")
    allowed = [each.name for each in declared if each.feature and not each.sensitive]
    return {
        "allowed": allowed,
        "sensitive": [each.name for each in declared if each.sensitive],
        "unread": [each.name for each in declared if not each.sensitive and not each.feature],
    }


def sentences(examined: Examination | None) -> list[str]:
    """What the examination found, in words; [] where there is none."""
    if examined is None:
        return []
    results = examined.results
    if results.get("chance"):
        return ["Nothing counts: items are drawn by chance."]
    if results.get("flat"):
        return ["Nothing about the person plays a part: whatever was taken from a history, no score changed."]
    said = []
    recency, fields = results.get("recency", []), results.get("fields", [])
    if recency:
        newest = sum(row["share"] for row in recency if row["band"] in NEWEST)
        said.append(f"The ten things a person did last carry {percent(newest)} of what counts, all before them "
                    f"{percent(sum(row['share'] for row in recency) - newest)}.")  # fmt: skip
    if fields:
        listed = ", ".join(f"{row['field']} {percent(row['share'])}" for row in fields[:FEW])
        said.append(f"Of what is said of the person and the moment: {listed}.")
    if categories := results.get("categories", [])[:FEW]:
        listed = ", ".join(f"{row['category']} {percent(row['share'])}" for row in categories)
        said.append(f"By category of what was met: {listed} (an item of several counts in each).")
    return said + popularity_words(results)


def popularity_words(results: dict[str, Any]) -> list[str]:
    found = next((each for each in results.get("dependence", []) if each["of"] == "popularity"), None)
    if not found or len(found["rows"]) < 2:
        return []
    gap = found["rows"][-1]["value"] - found["rows"][0]["value"]
    if abs(gap) < 0.2:
        return ["Popular items stand about where the others do."]
    side = "ahead of" if gap > 0 else "behind"
    return [f"The most popular tenth of items stands {side} the least popular by {abs(gap):.1f} standard deviations."]


def importance_figure(examined: Examination | None) -> Figure | None:
    """Relative importance of the main parameters: the history in two, and each field."""
    if examined is None:
        return None
    results = examined.results
    rows = [row | {"name": HISTORY[row["kind"]]} for row in results.get("told_apart", []) if row["kind"] in HISTORY]
    rows += [row | {"name": row["field"]} for row in results.get("fields", [])]
    if not rows:
        return None
    rows.sort(key=lambda row: -row["share"])
    return Figure(
        key="importance",
        title=f"Counting most: {rows[0]['name']}, {percent(rows[0]['share'])}",
        columns=("parameter", "share of what counts", "low", "high"),
        rows=[(row["name"], row["share"], row["low"], row["high"]) for row in rows],
        definition=f"First recommendations of {results['explained']:,} people drawn by chance were explained; the "
        f"share is Σ|φ| of a parameter / Σ|φ| of all, averaged over people. {INTERVAL}",
        json=draw("parts", rows, x_title="share of what counts"),
        height=90 + 32 * len(rows),
        numeric=frozenset({1, 2, 3}),
    )


def card(*, catalog: Catalog, login: Any) -> dict[str, Any]:
    """For the overview."""
    deployed = pages.deployed(catalog)
    said = "why these recommendations, and what can be changed" if deployed else "once a recommender is in service"
    return {"title": "In plain words", "value": "How it recommends", "text": said,
            "url": reverse("explain_parameters", args=[catalog.name])}  # fmt: skip
