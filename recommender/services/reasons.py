"""Why an item is in a list, in short: exact parts where the model is linear, else the mechanism's name.

A mechanism ("from what was seen last") is never called an attribution; explanations proper are made elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recommender.algorithms.base import LinearlyExplainable, Recommender
from recommender.data.dataset import Histories, IdMap, Int
from recommender.selectors.serving import Shown

BECAUSE = 3
"""How many things of the history a reason names."""


class Reason(NamedTuple):
    """`because` are ids of items of the person's history, those that raised the score most first."""

    code: str
    because: list[str]
    text: str


MECHANISMS = {
    "popularity": Reason("popular", [], "Popular with everyone."),
    "latest": Reason("new", [], "New in the catalog."),
    "user_knn": Reason("people", [], "Met by people of like taste."),
    "fm": Reason("fields", [], "From what was seen last and what is known of people and items."),
    "ncf": Reason("fields", [], "From what was seen last and what is known of people and items."),
    "neural_process": Reason("adapted", [], "Adapted to what was seen so far."),
    "ridge_head": Reason("adapted", [], "Adapted to what was seen so far."),
    "maml": Reason("adapted", [], "Adapted to what was seen so far."),
    "fomaml": Reason("adapted", [], "Adapted to what was seen so far."),
    "anil": Reason("adapted", [], "Adapted to what was seen so far."),
    "reptile": Reason("adapted", [], "Adapted to what was seen so far."),
    "cold_item": Reason("fields", [], "Like what was seen, by what is said of it."),
    "random": Reason("random", [], "Chosen by chance."),
    "student": Reason("sequence", [], "From what was seen last."),
    "blend": Reason(
        "combined", [], "From what was done so far: adapted to a few things, read in whole once there are more."
    ),
    "ensemble": Reason("combined", [], "Ranked high by several recommenders together."),
    "reranked": Reason(
        "rearranged",
        [],
        "Fits what was seen so far; its place also follows a rule by which everyone’s lists are rearranged.",
    ),
    "prototypes": Reason("adapted", [], "Close to what this person liked."),
    "sasrec": Reason("sequence", [], "From what was seen last."),
    "gru": Reason("sequence", [], "From what was seen last."),
}
ATTRIBUTES = Reason("attributes", [], "Liked by people of whom like things are known; nothing else is known here yet.")
"""Of someone who has met nothing."""
OTHER = Reason("history", [], "From all that was seen before.")


def exact(recommender: Recommender) -> bool:
    return isinstance(recommender, LinearlyExplainable)


def popular(*, profiled: bool, known: bool, deployed: bool) -> Reason:
    """Why a list is the popular one."""
    if not profiled:
        return Reason("popular", [], "Popular with everyone; this list is not based on the person.")
    if not known:
        return Reason("popular", [], "Popular with everyone; we know nothing of this person yet.")
    if not deployed:
        return Reason("popular", [], "Popular with everyone; no recommender is in service yet.")
    return Reason("popular", [], "Popular with everyone; all this person met is newer than the recommender.")


def of(
    algorithm: str,
    recommender: Recommender,
    histories: Histories,
    positions: Int,
    items: IdMap,
    names: dict[int, Shown],
) -> list[Reason]:
    """A reason for each of `positions` (k,) of one person's list."""
    if not len(positions):
        return []
    if not len(histories.items):
        return [ATTRIBUTES] * len(positions)
    if not isinstance(recommender, LinearlyExplainable):
        return [MECHANISMS.get(algorithm, OTHER)] * len(positions)
    parts: Any = recommender.contributions(histories, positions[None])
    keys = items.keys[histories.items]
    return [_because(parts[:, at], keys, names) for at in range(len(positions))]


def _because(parts: Any, keys: Int, names: dict[int, Shown]) -> Reason:
    """`parts` (nnz,) is what each interaction adds; an item met several times adds the sum of them."""
    distinct, where = np.unique(keys, return_inverse=True)
    sums = np.bincount(where, weights=parts, minlength=len(distinct))
    best = [at for at in np.argsort(-sums, kind="stable")[:BECAUSE] if sums[at] > 0]
    found = [names[int(distinct[at])] for at in best if int(distinct[at]) in names]
    if not found:
        return Reason("history", [], "From all that was seen before; nothing of it stands out.")
    titles = [each.title or each.client_id for each in found]
    listed = titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"
    return Reason("history", [each.client_id for each in found], f"Because of {listed}.")
