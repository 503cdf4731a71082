"""Methods side by side: what each says of the same things, and how far two of them order these alike."""

from __future__ import annotations

import math
from typing import Any

from explain.attribution import registry
from explain.attribution.attention import heatmap
from explain.exceptions import CannotExplain
from explain.services.asking import Question
from explain.services.comparing import Compared, compared, rows_of
from explain.views.asked import State
from explain.views.explanation_parts import title_of
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog
from recommender.views.figures import Figure, draw

MOST = 12
AGREE, DISAGREE = 0.7, 0.3


def methods_context(catalog: Catalog, state: State, question: Question) -> dict[str, Any]:
    try:
        found = compared(question)
    except (BadInput, Conflict) as error:
        return {"error": str(error)}
    own = chosen(found)
    figures = [values_figure(found), *([agreement_figure(found)] if len(found.methods) > 1 else [])]
    return {
        "figures": figures + attention_figures(found), "attends": any(each.weights for each in found.methods),
        "methods": [
            {
                "title": each.title, "weights": each.weights, "seconds": each.found.cost.seconds,
                "gap": each.found.relative_gap if each.found.additive else None, "chosen": each.name == own,
                "address": state._replace(method=each.name).address(catalog),
            }
            for each in found.methods
        ],
        "refused": found.refused, "later": [title_of(name) for name in found.later],
        "bulk": f"manage.py explain --run {found.case.served.run_id} --user {state.person} --item {state.item} "
        "--method NAME",
    }  # fmt: skip


def chosen(found: Compared) -> str:
    """The method of the answer above; "" where none answers soon enough."""
    try:
        return found.case.question.method or registry.default(found.case.game(), in_request=True)
    except CannotExplain:
        return ""


def values_figure(found: Compared) -> Figure:
    rows = rows_of(found)
    titles = list(dict.fromkeys(row["method"] for row in rows))
    table: dict[str, dict[str, Any]] = {}
    for row in rows:
        table.setdefault(row["id"], {"label": row["label"]})[row["method"]] = row["value"]
    return Figure(
        key="methods",
        title="What each method says of what counts most",
        columns=("what", *titles),
        rows=[(row["label"], *(row.get(title) for title in titles)) for row in table.values()],
        definition="A row for each of the twelve things that count most, a column for each method. Numbers are in the "
        "units of the target; colours are in parts of each method’s largest value: blue raises, orange lowers. "
        "Methods that take things away one at a time and those that share out the whole difference measure different "
        "things, so their numbers need not be equal.",
        json=draw("methods", rows, most=MOST) if rows else "",
        height=70 + 30 * min(MOST, len(table)),
        numeric=frozenset(range(1, 1 + len(titles))),
    )


def agreement_figure(found: Compared) -> Figure:
    pairs = [{"one": one, "other": other, "value": value} for one, other, value in found.pairs]
    titles = [each.title for each in found.methods]
    values = {(row["one"], row["other"]): None if math.isnan(row["value"]) else row["value"] for row in pairs}
    return Figure(
        key="agreement",
        title=agreement_finding(found),
        columns=("method", *titles),
        rows=[(one, *(values[one, other] for other in titles)) for one in titles],
        definition="Spearman’s rank correlation of the values of two methods over the same things: 1 the same order, 0 "
        "no relation, −1 the reverse. Where a method says the same of everything there is none.",
        json=draw("agreement", pairs),
        height=90 + 40 * len(titles),
        numeric=frozenset(range(1, 1 + len(titles))),
    )


def attention_figures(found: Compared) -> list[Figure]:
    """Of a recommender with attention, its weights by block and head; the units read most."""
    if not any(each.weights for each in found.methods):
        return []
    case, game = found.case, found.case.game()
    weights = heatmap(game)
    heads = [f"block {block + 1}, head {head + 1}" for block in range(len(weights)) for head in range(weights.shape[1])]
    each = weights.reshape(len(heads), -1)
    most = [int(at) for at in each.mean(axis=0).argsort()[::-1][:MOST]]
    rows = [
        {"id": case.id_of(game.units[at]), "label": case.label(game.units[at]), "head": name,
         "value": float(each[row, at])}
        for at in most for row, name in enumerate(heads)
    ]  # fmt: skip
    return [
        Figure(
            key="attention",
            title="Where attention looked (not an explanation)",
            columns=("what", *heads),
            rows=[(case.label(game.units[at]), *(float(value) for value in each[:, at])) for at in most],
            definition="The weight with which the last place of the history reads each thing, by block and head; what "
            "lacks of 1 is spread over the rest. Weights say what was mixed, not what it did to a score (Jain and "
            "Wallace, 2019). The same whatever item is asked about.",
            json=draw("attention", rows),
            height=90 + 30 * len(most),
            numeric=frozenset(range(1, 1 + len(heads))),
        )
    ]


def agreement_finding(found: Compared) -> str:
    """The two that agree least."""
    apart = [pair for pair in found.pairs if pair[0] < pair[1] and not math.isnan(pair[2])]
    if not apart:
        return "No two methods can be compared here"
    one, other, least = min(apart, key=lambda pair: pair[2])
    if least >= AGREE:
        return f"The methods order things alike (rank correlation at least {least:.2f})"
    word = "disagree" if least < DISAGREE else "agree only in part"
    return f"“{one}” and “{other}” {word} (rank correlation {least:.2f})".replace("-", "−")
