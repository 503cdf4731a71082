"""What an explanation page is made of: the answer with its figure, the history as a strip, the list ranked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from explain.attribution import registry
from explain.attribution.game import ITEM_FIELD, MARGIN, PROBABILITY, SCORE, link_of
from explain.figures.explanation import ROW, Step, signed, steps
from explain.figures.explanation import told as told_number
from explain.services.asking import EVERYTHING, FIELDS, HISTORY, Case
from explain.services.explaining import Document
from explain.services.history import Met, met
from explain.services.knowable import knowable
from explain.services.reranking import Reranked
from explain.views.asked import CONTEXT, SET, UNKNOWN, State
from recommender.models import Catalog
from recommender.templatetags.pages import words
from recommender.views.comparing import bars, movement
from recommender.views.figures import Figure, draw

MANY = 48
"""Items of a history from which on only those that count most are shown at first."""
AT_FIRST = 36
WORDS = {SCORE: "score", PROBABILITY: "probability", MARGIN: "lead"}
MEANING = {
    "complete": "complete", "approximate": "approximate", "unreliable": "not reliable", "untested": "untested",
}  # fmt: skip


def answer(catalog: Catalog, state: State, document: Document) -> dict[str, Any]:
    """The document in the words of the page."""
    level = document["badge"]["level"]
    return {
        "document": document,
        "badge": {"level": level, "word": MEANING.get(level, level), "text": told(document["badge"]["text"])},
        "waterfall": waterfall_figure(catalog, state, document),
        "values": {unit["id"]: unit["value"] for unit in document["units"]},
        "word": WORDS[document["target"]],
        "method_title": title_of(document["method"]),
    }


def told(text: str) -> str:
    """The text of a badge without the word that it begins with, which stands before it anyway."""
    _, colon, rest = text.partition(": ")
    return rest if colon else text


def waterfall_figure(catalog: Catalog, state: State, document: Document) -> Figure:
    units, word = document["units"], WORDS[document["target"]]
    errors = any(unit.get("error") is not None for unit in units)
    options = {
        "baseline": document["baseline_prediction"], "prediction": document["prediction"], "target": word,
        "additive": document["additive"],
    }  # fmt: skip
    return Figure(
        key="waterfall",
        title=finding(document),
        columns=("what", "kind", "adds", *(["standard error"] if errors else [])),
        rows=[
            (unit["label"], unit["kind"].replace("_", " "), unit["value"], *([unit.get("error")] if errors else []))
            for unit in units
        ],
        definition=definition(document),
        csv=state.address(catalog, "explanation_csv"),
        json=draw("waterfall", [{"error": None} | unit for unit in units], **options) if units else "",
        empty="Nothing is known of this person that the recommender reads.",
        height=90 + ROW * bars_of(document),
        numeric=frozenset({2, 3}),
    )


def bars_of(document: Document) -> int:
    """How many bars the waterfall has: at most the strongest, the rest, and what is left open."""
    return len(drawn_steps(document))


def drawn_steps(document: Document) -> list[Step]:
    return steps(
        pd.DataFrame([{"error": None} | unit for unit in document["units"]]), baseline=document["baseline_prediction"],
        prediction=document["prediction"], additive=document["additive"],
    )  # fmt: skip


def finding(document: Document) -> str:
    """“Raised most by Alien (+0.4), lowered most by Heat (−0.1)”."""
    units = document["units"]
    up, down = max(units, key=lambda unit: unit["value"]), min(units, key=lambda unit: unit["value"])
    parts = [f"raised most by {up['label']} ({signed(up['value'])})"] if up["value"] > 0 else []
    parts += [f"lowered most by {down['label']} ({signed(down['value'])})"] if down["value"] < 0 else []
    text = ", ".join(parts) or "nothing that is known of this person changes it"
    return text[0].upper() + text[1:]


def definition(document: Document) -> str:
    word, method = WORDS[document["target"]], title_of(document["method"])
    if not document["additive"]:
        return (
            f"{method}: what the {word} loses when each thing alone is taken away, v(N) − v(N∖j). These do not sum to "
            "the score: two things that stand in for each other both show little."
        )
    errors = (
        " Whiskers are one standard error of the sampling."
        if (document["units"] or [{}])[0].get("error") is not None
        else ""
    )
    ends = [told_number(document[name]) for name in ("baseline_prediction", "prediction")]
    return (
        f"{method}: {word} = baseline + the sum of all bars. Baseline ({document['baseline']}): {ends[0]}; {word}: "
        f"{ends[1]}; what the bars leave open: {document['gap']:.2g}, {document['relative_gap']:.2g} of the difference."
        f"{errors} Blue raises, orange lowers."
    )


def title_of(method: str) -> str:
    """Those that no web process imports are named by their key."""
    if method in registry.TASKS_ONLY or method not in registry.METHODS:
        return method.replace("_", " ").capitalize()
    return registry.get(method).title


def choices(case: Case) -> dict[str, Any]:
    """What may be chosen of how it is explained."""
    game, asked = case.game(), case.question
    targets = [(SCORE, "Its score")]
    targets += [(PROBABILITY, "Its probability")] if link_of(case.served.model) else []
    over = case.names[case.target.others[0]].label if asked.other else f"the rest of the first {asked.k}"
    targets.append((MARGIN, f"Its lead over {over}"))
    names = registry.able(game, in_request=True)
    return {"methods": [(name, title_of(name)) for name in names], "targets": targets, "about": about(case)}


def about(case: Case) -> list[tuple[str, str]]:
    """What it may be explained by, where there is a choice: the recommender reads more than the history."""
    fields = {unit.kind for unit in case.game(FIELDS).units}
    if not fields and case.question.about == HISTORY:
        return []
    found = [(HISTORY, "The history, and what is known of the person"), (FIELDS, "What is known of person and item")]
    return [*found, *([(EVERYTHING, "All of it")] if ITEM_FIELD in fields else [])]


def strip(case: Case, document: Document | None) -> dict[str, Any]:
    """The history, newest first, each with what it adds; `few`: how many are shown at first where there are many."""
    values = {unit["id"]: unit["value"] for unit in document["units"]} if document else {}
    rows = met(case)[::-1]
    strong = strongest(rows, values) if len(rows) > MANY else {row.item for row in rows}
    most = max((abs(value) for value in values.values()), default=0.0) or 1.0
    cards = [
        {
            "met": row, "value": values.get(row.item), "text": signed(values[row.item]) if row.item in values else "",
            "size": f"{100 * abs(values.get(row.item, 0.0)) / most:.0f}%", "weak": row.item not in strong,
            "raises": values.get(row.item, 0.0) >= 0,
        }
        for row in rows
    ]  # fmt: skip
    return {"cards": cards, "few": len(rows) > MANY, "off": sum(row.off for row in rows), "most": AT_FIRST}


def strongest(rows: Sequence[Met], values: Mapping[str, float]) -> set[str]:
    """Those that count most (without values the newest), and whatever is switched off."""
    ordered = sorted(rows, key=lambda row: -abs(values.get(row.item, 0.0))) if values else list(rows)
    return {row.item for row in ordered[:AT_FIRST]} | {row.item for row in rows if row.off}


def controls(case: Case, state: State) -> list[dict[str, Any]]:
    """A select or an input for each thing that may be said otherwise: "" leaves it as it is stored."""
    said = {SET + name: value for name, value in state.said} | {CONTEXT + name: value for name, value in state.moment}
    found = []
    for row in knowable(case):
        name = (CONTEXT if row.of_moment else SET) + row.name
        now = "not said" if row.of_moment else f"as stored: {'not known' if row.stored is None else words(row.stored)}"
        found.append(
            {
                "name": name, "label": row.name, "now": now, "said": said.get(name, ""), "kind": row.kind,
                "values": [str(value) for value in row.values], "unknown": UNKNOWN if not row.of_moment else "",
            }
        )  # fmt: skip
    return found


def ranking(catalog: Catalog, state: State, found: Reranked) -> dict[str, Any]:
    """The list as it would be, with moves against the list of everything, and what left it."""
    shares = bars([row.score for row in found.rows])
    changed = state.changed
    rows = [
        {
            "row": row, "share": share, "own": row.item == state.item, "other": row.item == state.other,
            "move": movement(None if row.before is None else row.before - 1, row.place - 1) if changed else None,
            "why": state._replace(item=row.item, other="", target=SCORE).address(catalog),
            "against": state._replace(other=row.item, target=MARGIN).address(catalog),
        }
        for row, share in zip(found.rows, shares, strict=True)
    ]  # fmt: skip
    listed = {row.item for row in found.rows}
    return {
        "ranked": rows, "left": found.left, "reranked": found, "outside": state.item not in listed,
        "values_told": [told_number(value) for value in (found.value_before, found.value)],
        "milliseconds": f"{1000 * found.seconds:,.0f}", "word": WORDS[state.target],
    }  # fmt: skip
