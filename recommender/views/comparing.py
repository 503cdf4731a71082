"""Lists of several runs for one person, side by side, and how items move from the first list to the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from recommender import hooks
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, EndUser, Run
from recommender.selectors import pages
from recommender.services import serving
from recommender.templatetags.pages import plain

LENGTHS = (5, 10, 20, 50)
AT_ONCE = 4


def comparison(request: HttpRequest, catalog: Catalog, person: EndUser, length: int) -> dict[str, Any]:
    """Context of the lists: runs to choose from, those chosen in the address, a column for each."""
    choice = pages.runs_to_ask(catalog)
    chosen = chosen_runs(request, choice)
    columns = [column(catalog, person, run, length) for run in chosen]
    for other in columns[1:]:
        moves = movements(*([row["item"].pk for row in each["items"]] for each in (columns[0], other)))
        for row in other["items"]:
            row["move"] = moves[row["item"].pk]
    return {"choice": choice, "chosen": [run.pk for run in chosen], "k": length, "lengths": LENGTHS, "columns": columns}


def column(catalog: Catalog, person: EndUser, run: Run, length: int) -> dict[str, Any]:
    """One run's list as it would be answered now; looking leaves no impression."""
    question = serving.Question(catalog_id=catalog.pk, user=person.client_id, n=length, run=run.pk, noted=False)
    try:
        answer = serving.recommend(question)
    except (BadInput, Conflict) as error:
        return {"run": run, "items": [], "note": "", "empty": f"{error} Choose another run, or train this one again."}
    found = pages.items_by_client_id(catalog, [each.item for each in answer.items])
    shares = bars([each.score for each in answer.items])
    rows = [
        {
            "rank": each.rank, "item": found[each.item], "score": each.score, "share": share,
            "reason": each.reason.text, "why": why(catalog, answer.run, person, each.item),
        }
        for each, share in zip(answer.items, shares, strict=True)
        if each.item in found
    ]  # fmt: skip
    notes = [note for note in (hook(run=run) for hook in hooks.list_notes) if note]
    fell_back = (
        "Its list would be the popular one: it knows nothing that this person met." if answer.run is None else ""
    )
    return {"run": run, "items": rows, "note": " ".join([fell_back, *notes]).strip() or summary(run)}


def why(catalog: Catalog, run: int | None, person: EndUser, item: str) -> str:
    """The page that explains an item of a list, "" where no run made it."""
    if run is None:
        return ""
    return hooks.why_address(catalog=catalog.name, run=run, person=person.client_id, item=item)


def summary(run: Run) -> str:
    row = run.metrics.get("ndcg@10") or {}
    return f"NDCG@10 {plain(row['value'])}" if row.get("value") is not None else "not measured"


def bars(scores: Sequence[float]) -> list[float]:
    """Scores as lengths of bars, the best fills it. They start at zero; where scores may fall below (logits have no
    zero that means anything), at a tenth for the least of the list."""
    if not scores:
        return []
    best, least = max(scores), min(scores)
    if least >= 0:
        return [score / best if best else 1.0 for score in scores]
    return [1.0 if best == least else 0.1 + 0.9 * (score - least) / (best - least) for score in scores]


def chosen_runs(request: HttpRequest, choice: Sequence[Run]) -> list[Run]:
    """Those in the address; without any, the first two that are offered (what serves, and the next best)."""
    asked = request.GET.getlist("run")
    chosen = [run for run in choice if str(run.pk) in asked]
    return chosen[:AT_ONCE] if asked else list(choice[:2])


def movements(first: Sequence[Any], other: Sequence[Any]) -> dict[Any, dict[str, Any]]:
    """For each item of `other`, how far it stands above (up) or below (down) its place in `first`; new if absent."""
    places = {item: rank for rank, item in enumerate(first)}
    return {item: movement(places.get(item), rank) for rank, item in enumerate(other)}


def movement(before: int | None, now: int) -> dict[str, Any]:
    if before is None:
        return {"kind": "new-here", "sign": "new", "words": "not in the first list"}
    if before == now:
        return {"kind": "same", "sign": "=", "words": "same place"}
    kind, sign = ("up", "▲") if before > now else ("down", "▼")
    gap = abs(before - now)
    return {"kind": kind, "sign": f"{sign}{gap}", "words": f"{gap} place{'s' if gap > 1 else ''} {kind}"}
