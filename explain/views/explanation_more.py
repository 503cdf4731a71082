"""Parts of an explanation page that only some recommenders and items have: words that make two items alike, and what
adapting to the person, or beginning with another catalog's weights, changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from explain.figures.explanation import ROW, signed
from explain.services.adapting import adapted
from explain.services.asking import HISTORY, case_of
from explain.services.explaining import explain
from explain.services.transferring import Transferred, transfer
from explain.services.wording import strongest_of, wording
from explain.views.asked import State
from explain.views.explanation_parts import WORDS, bars_of, title_of
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog
from recommender.templatetags.pages import plain
from recommender.views.figures import Figure, draw


def words_context(catalog: Catalog, state: State, question: Any) -> dict[str, Any]:
    """Both texts with their words marked, or why there are none."""
    try:
        strongest = strongest_of(explain(replace(question, about=HISTORY))["units"])
        if not strongest:
            return {"error": "Nothing in the history raises this item, so there is nothing to compare its words with."}
        found = wording(case_of(question), strongest)
    except (BadInput, Conflict) as error:
        return {"error": str(error)}
    titles = (("this item", found.about), (found.than, found.other))
    return {
        "than": found.than, "cosine": plain(found.about.prediction, 3),
        "texts": [
            {"title": title, "parts": marked(each), "left_open": f"{100 * each.relative_gap:.1f}%",
             "first": first_words(each)}
            for title, each in titles
        ],
    }  # fmt: skip


def marked(found: Any) -> list[dict[str, Any]]:
    """The text cut at its words: {"text", "share" (percent of the strongest), "kind", "value"}; nothing is lost."""
    most = float(np.abs(found.values).max(initial=0.0)) or 1.0
    parts: list[dict[str, Any]] = []
    at = 0
    for (start, end), value in zip(found.spans.tolist(), found.values.tolist(), strict=True):
        if start > at:
            parts.append({"text": found.text[at:start]})
        share = round(100 * abs(value) / most)
        kind = "raises" if value >= 0 else "lowers"
        parts.append({"text": found.text[start:end], "share": f"{share}%", "kind": kind if share >= 5 else "",
                      "value": signed(value)})  # fmt: skip
        at = end
    return [*parts, {"text": found.text[at:]}] if at < len(found.text) else parts


def first_words(found: Any, most: int = 5) -> list[tuple[str, str]]:
    said = [at for at in np.argsort(-found.values, kind="stable") if any(map(str.isalnum, found.words[at]))]
    return [(found.words[at], signed(float(found.values[at]))) for at in said[:most] if found.values[at] > 0]


def adapted_context(catalog: Catalog, state: State, question: Any) -> dict[str, Any]:
    try:
        found = adapted(case_of(question))
    except (BadInput, Conflict) as error:
        return {"error": str(error)}
    moved, parts = found.of.target, found.of.parts
    figures = []
    if parts is not None and found.units:
        document = {
            "units": found.units, "baseline_prediction": parts.baseline_prediction, "prediction": parts.prediction,
            "additive": parts.additive,
        }  # fmt: skip
        figures = [support_figure(document, parts, WORDS[state.target])]
    if found.usual:
        figures.append(usual_figure(found.usual))
    return {
        "moved": moved, "scores": [plain(moved.score_before), plain(moved.score_after)], "rises": found.rises,
        "falls": found.falls, "same": f"{100 * found.of.agreement:.0f}%", "figures": figures,
    }  # fmt: skip


def support_figure(document: dict[str, Any], parts: Any, word: str) -> Figure:
    top = document["units"][0]
    options = {
        "baseline": parts.baseline_prediction, "prediction": parts.prediction, "target": word,
        "additive": parts.additive,
    }  # fmt: skip
    return Figure(
        key="support",
        title=f"{top['label']} moved it most ({signed(top['value'])})",
        columns=("what", "moved it by", "standard error"),
        rows=[(unit["label"], unit["value"], unit.get("error")) for unit in document["units"]],
        definition=f"{title_of(parts.method)}: from the recommender before it saw anything of this person (its prior: "
        f"{parts.baseline}) to the one adapted to them. All bars sum to the difference up to {parts.relative_gap:.2g} "
        "of it. By integrated gradients over the weight of each interaction in what is adapted to, where that can be "
        "followed; else by Shapley values.",
        json=draw("waterfall", [{"error": None} | unit for unit in document["units"]], **options),
        height=90 + ROW * bars_of(document),
        numeric=frozenset({1, 2}),
    )


def usual_figure(rows: list[dict[str, Any]]) -> Figure:
    """Exact parts of what is usual for the person, by the bias model."""
    total = sum(row["value"] for row in rows)
    document = {"units": rows, "baseline_prediction": 0.0, "prediction": total, "additive": True}
    return Figure(
        key="usual",
        title=f"Of every rating it predicts for them, {signed(total)} is what is usual for them",
        columns=("rating of", "its part"),
        rows=[(row["label"], row["value"]) for row in rows],
        definition="The bias model, exactly: b(u) = Σ (r − μ − b(i)) / (λ + n) over the person’s n ratings r, μ the "
        "mean of all and b(i) what is usual for the item; each bar is one rating’s part. b(u) is the same for every "
        "item, so it is in no list’s order; what the network adds to it is not in these parts.",
        json=draw("waterfall", [{"error": None} | row for row in rows], baseline=0.0, prediction=total,
                  target="usual for them", additive=True),
        height=90 + ROW * bars_of(document),
        numeric=frozenset({1}),
    )  # fmt: skip


def transferred_context(catalog: Catalog, state: State, question: Any) -> dict[str, Any]:
    """What beginning with another catalog's weights changed, or why that cannot be told."""
    try:
        found = transfer(case_of(question))
    except (BadInput, Conflict) as error:
        return {"error": str(error)}
    moved, of = found.of.target, found.of
    return {
        "start": found.start, "moved": moved, "scores": [plain(moved.score_before), plain(moved.score_after)],
        "rises": found.rises, "falls": found.falls, "same": f"{100 * of.agreement:.0f}%", "kept": plain(of.kept),
        "figures": [transfer_figure(found, WORDS[state.target])],
    }  # fmt: skip


def transfer_figure(found: Transferred, word: str) -> Figure:
    """From what the source says to what the started recommender says; a bar for whoever nothing is known of."""
    of = found.of
    prior = {"kind": "prior", "id": "", "label": "for whoever nothing is known of", "value": of.prior}
    units = sorted([prior, *found.units], key=lambda unit: -abs(unit["value"]))
    document = {
        "units": units, "baseline_prediction": of.source.prediction, "prediction": of.started.prediction,
        "additive": of.started.additive,
    }  # fmt: skip
    options = {"baseline": of.source.prediction, "prediction": of.started.prediction, "target": word}
    top = units[0]
    return Figure(
        key="transfer",
        title=f"Training here changed most the {word} {top['label']} ({signed(top['value'])})"
        if top is prior
        else f"Training here changed {top['label']} most ({signed(top['value'])})",
        columns=("what", "changed by"),
        rows=[(unit["label"], unit["value"]) for unit in units],
        definition=f"{title_of(of.started.method)} by the run as it is, less the same by run #{found.start}, which it "
        f"began with, asked about the items of this catalog by their texts. All bars sum to the difference of the "
        f"{word}s up to {of.gap:.2g}.",
        json=draw("waterfall", [{"error": None} | unit for unit in units], **options),
        height=90 + ROW * bars_of(document),
        numeric=frozenset({1}),
    )


MORE: dict[str, Callable[..., dict[str, Any]]] = {
    "words": words_context,
    "adapted": adapted_context,
    "transferred": transferred_context,
}
"""Fragments by name."""
