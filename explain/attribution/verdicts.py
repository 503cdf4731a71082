"""What an examination of many people comes to: figures with intervals, the share of what could be reached, and whether
a method may be believed. People are resampled, and compared with themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from explain.attribution import registry
from explain.attribution.base import Values
from explain.attribution.examined import CURVES, GREEDY, RANDOM, Examined
from explain.attribution.faithfulness import COUNTS, FIGURES, SHARES, Curves
from recommender.evaluation.significance import bootstrap_means, compare, holm, intervals, ratio_intervals

DECIDES = "cdcg"
"""The figure by which a method is held against random order: it reads the rank itself, not only whether it passes 5."""
CLOSED = ("pos@5", "pos@20", "cdcg", "del")
"""Figures of which the share of the gap between random order and greedy removal is told; lower is better in each."""
LARGEST_P = 0.05
ALIKE = 0.5
"""Rank agreement with the explanations of shuffled weights above which a method does not read what was learned."""
LEAST = 20
"""People below which nothing is said for or against a method."""
MEASURED = (
    *FIGURES, "deletion_area", "insertion_area", "infidelity", "sensitivity", "retrained", "randomised", "sparsity",
    "gap", "seconds", "units",
)  # fmt: skip


def summarised(told: Examined) -> dict[str, Any]:
    """{"ways": a row each, random order and greedy removal first; "curves", "agreement", "skipped", "cannot"}, as JSON
    can hold it: what is not known is None."""
    table = pd.DataFrame(told.rows, columns=["person", "way", *MEASURED, "evaluations"])
    ways = [RANDOM, GREEDY, *dict.fromkeys(way for way in table["way"] if way not in (RANDOM, GREEDY))]
    rows = [_figures(way, table[table["way"] == way]) for way in ways if len(table)]
    judged = judgements(table)
    found = {
        "ways": [row | judged.get(row["way"], {}) for row in rows],
        "curves": mean_curves(told.curves),
        "agreement": agreement(told.agreement),
        "skipped": told.skipped,
        "cannot": {title_of(way): why for way, why in told.cannot.items()},
    }
    return _plain(found)  # type: ignore[no-any-return]


def _figures(way: str, table: pd.DataFrame) -> dict[str, Any]:
    """Mean and interval of everything measured of one way; `people` it explained, and how many each figure knows."""
    values = table[list(MEASURED)].astype(np.float64)
    found = intervals(values)
    known = values.notna().sum()
    figures = {name: found[name].as_dict() | {"people": int(known[name])} for name in MEASURED if known[name]}
    worst = values["gap"].max()
    about = {"way": way, "title": title_of(way), "people": len(table)}
    return about | {"figures": figures, "worst_gap": float(worst)}


def title_of(way: str) -> str:
    """In the words of pages, which must not import every method to know its title."""
    if way in (RANDOM, GREEDY):
        return way.capitalize()
    method, _, margin = way.partition(", ")
    return registry.get(method).title + (f", {margin}" if margin else "")


def judgements(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Of each way: `closed` (share of the gap, by figure), `against_random` (paired, Holm over the ways) and why it may
    not be believed (`faults`, sentences; none = it may, once it is `decided`: with fewer than LEAST people nothing is
    said)."""
    by_way = {str(way): rows for way, rows in table.rename(columns={"person": "user"}).groupby("way", sort=False)}
    names = [way for way in by_way if way not in (RANDOM, GREEDY)]
    paired = {way: compare(by_way[way], by_way[RANDOM], DECIDES) for way in names}
    adjusted = holm(np.array([paired[way].p for way in names])).tolist()
    found = {}
    for way, p in zip(names, adjusted, strict=True):
        decided = paired[way].people >= LEAST
        beats = bool(paired[way].difference < 0 and p < LARGEST_P)
        alike = randomisation(by_way[way])
        faults = [_no_better(paired[way].people)] if decided and not beats else []
        found[way] = {
            "against_random": vars(paired[way]) | {"p_holm": float(p), "beats": beats},
            "randomisation": alike,
            "closed": {figure: share_closed(by_way, way, figure) for figure in CLOSED},
            "decided": decided,
            "faults": [*faults, *([ALIKE_WORDS] if decided and alike["fails"] else [])],
        }
    return found


ALIKE_WORDS = (
    "It says much the same of a recommender whose weights were shuffled, so it does not read what was learned."
)


def _no_better(people: int) -> str:
    return (
        f"With {people:,} people, taking away what it names moves the item no further down than taking away the same "
        "number at random."
    )


def randomisation(table: pd.DataFrame) -> dict[str, Any]:
    """Rank agreement with shuffled weights' explanations; it fails where its whole interval is above ALIKE."""
    found = intervals(table[["randomised"]].astype(np.float64))["randomised"]
    least = found.value if np.isnan(found.low) else found.low
    return found.as_dict() | {"fails": bool(least > ALIKE)}


def share_closed(by_way: Mapping[str, pd.DataFrame], way: str, figure: str) -> dict[str, float] | None:
    """(random − way) / (random − greedy), each summed over the people the way explained; None where greedy removal is
    no better than random order."""
    three = [by_way[each].set_index("user")[figure] for each in (RANDOM, way, GREEDY)]
    table = pd.concat(three, axis=1, join="inner", keys=["random", "way", "greedy"]).dropna().astype(np.float64)
    reached, possible = table["random"] - table["way"], table["random"] - table["greedy"]
    if not len(table) or possible.sum() <= 0:
        return None
    found = ratio_intervals(reached.to_numpy()[:, None], possible.to_numpy())
    if found is None:
        return None
    return {name: float(each[0]) for name, each in zip(("value", "low", "high"), found, strict=True)}


def mean_curves(drawn: Sequence[tuple[str, Curves]]) -> list[dict[str, Any]]:
    """A row per way and curve: {"way", "curve", "at": counts or shares, "value", "low", "high"}, people resampled (of
    random order its draws with them)."""
    rows = []
    for way in dict.fromkeys(name for name, _ in drawn):
        of_it = [each for name, each in drawn if name == way]
        for curve in CURVES:
            values = np.stack([getattr(each, curve) for each in of_it])
            at = COUNTS if curve.endswith("count") else SHARES
            rows.append({"way": way, "curve": curve, "at": at.tolist(), **_band(values)})
    return rows


def _band(values: Values) -> dict[str, list[float]]:
    values = values[~np.isnan(values).any(axis=1)]
    if not len(values):
        return {"value": [], "low": [], "high": []}
    value = values.mean(axis=0)
    low, high = (
        np.quantile(bootstrap_means(values, resamples=500), [0.025, 0.975], axis=0)
        if len(values) > 1
        else (value, value)
    )
    return {"value": value.tolist(), "low": low.tolist(), "high": high.tolist()}


def agreement(pairs: Sequence[tuple[str, str, float]]) -> list[dict[str, Any]]:
    """Mean rank correlation of two ways over the people both explained: {"a", "b", "value", "people"}."""
    table = pd.DataFrame(pairs, columns=["a", "b", "value"]).dropna()
    grouped = table.groupby(["a", "b"], sort=False)["value"].agg(["mean", "size"]).reset_index()
    return [
        {"a": a, "b": b, "value": float(mean), "people": int(n)} for a, b, mean, n in grouped.itertuples(index=False)
    ]


def _plain(found: Any) -> Any:
    """Without nan and inf, which JSON lacks."""
    if isinstance(found, dict):
        return {name: _plain(each) for name, each in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(each) for each in found]
    if isinstance(found, float | np.floating):
        return round(float(found), 6) if np.isfinite(found) else None
    return found
