"""The last pages of a report of disparities: what the recommender is, what the law asks and where it is answered."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from explain.models import DisparityAudit
from explain.views.disparity_figures import named
from recommender.models import Run
from recommender.templatetags.pages import plain, spaced, words

LAWS: tuple[tuple[str, str, str, str, str], ...] = (
    ("DSA, article 27",
     "Online platforms say in plain words the main parameters of their recommender systems: the criteria that count "
     "most, the reasons for their weight, and what recipients can do to change or influence them.",
     "The page of parameters lists what recommendations are made from, how much each counts and what people can "
     "change.",
     "How it recommends", "explain_parameters"),
    ("DSA, article 38",
     "Very large platforms and search engines offer at least one option that is not based on profiling.",
     "Recommendations asked for with profiling=off do not read the person; the API’s page says how.",
     "API", "api"),
    ("GDPR, article 15(1)(h)",
     "People may ask for meaningful information about the logic of automated decisions, profiling included. The Court "
     "of Justice (C-203/22, 27 February 2025) reads it as the procedure and principles actually applied, told briefly "
     "and intelligibly; a formula alone is not enough.",
     "Every recommendation has an explanation: what of the person’s data counted, by how much, what would have changed "
     "it, and how far the explanation itself can be trusted.",
     "Explanations", "explanations"),
    ("GDPR, article 17",
     "People may have their data erased.",
     "Erasing a person reaches caches, adapted weights, explanations and the rows of audits; figures about many people "
     "together stay, since no one can be told from them.",
     "People", "people"),
    ("EU AI Act",
     "Of high-risk systems (annex III; most recommenders are none) it asks that data be examined for biases (article "
     "10), that there be technical documentation (11, annex IV) and information for those who deploy (13), and that "
     "people affected may have a decision explained (86).",
     "This report examines biases with their uncertainty; its model card says what the system is, on which data and "
     "with which limits; explanations answer for single decisions; the audit trail says who deployed what.",
     "Disparities", "disparities"),
)  # fmt: skip
"""Law, what it asks, where the system answers, and a page: label and name of its address."""
ADVICE = "Whether and how these rules apply depends on who uses the system for what; this annex is no legal advice."


def law_rows(catalog: str) -> list[dict[str, str]]:
    return [
        {"law": law, "asks": asks, "answer": answer, "label": label, "address": reverse(page, args=[catalog])}
        for law, asks, answer, label, page in LAWS
    ]


def card_rows(row: DisparityAudit) -> list[tuple[str, Any]]:
    """The model card: what was audited, what it was trained on, what it is for and what not."""
    run = row.run
    intended = ("Intended use", "To order the items of this catalog for people, known or new; an analyst looks at who "
                "is served worse before it is put into service and while it serves.")  # fmt: skip
    never = ("Not meant for", "Decisions about people: credit, work, housing, health, law. Its figures describe this "
             "catalog’s people in this period, and no others.")  # fmt: skip
    if run is None:
        return [("What it is", f"Whatever answered requests of {row.catalog}; the runs are listed under Serving."),
                intended, never]  # fmt: skip
    return [*_of_run(run), intended, never]


def _of_run(run: Run) -> list[tuple[str, Any]]:
    main = run.metrics.get("ndcg@10") or {}
    settings = ", ".join(f"{spaced(name)} {words(value)}" for name, value in sorted(run.config.items()))
    bounds = run.bounds or {}
    rows = [
        ("What it is", f"{run.algorithm} #{run.pk}, a recommender of {run.catalog}"),
        ("Trained", f"{run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else ""),
        ("Settings", f"{settings or 'the defaults'}; seed {run.seed}"),
        ("Data", f"fingerprint {run.data_fingerprint[:16]}" if run.data_fingerprint else str(run.catalog)),
        ("Newest interaction read", f"#{bounds['interaction']:,}" if bounds.get("interaction") else ""),
        ("Quality", quality(main, run.people or 0) if main.get("value") is not None else "not measured"),
    ]
    return [each for each in rows if each[1]]


def quality(found: dict[str, Any], people: int) -> str:
    low, high = found.get("low"), found.get("high")
    span = "" if low is None or high is None else f" (95%: {plain(low)} to {plain(high)})"
    return f"{named('ndcg@10')} {plain(found['value'])}{span}, over {people:,} people"
