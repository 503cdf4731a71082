"""What counts over many people: attributions of their recommendations, summed and averaged with intervals.

Every explanation counts the same, whatever the scale of its person's scores: the share of a part is Σ|φ| of its units
over Σ|φ| of all of that explanation, and a mean over explanations. Intervals are 95%, by bootstrap over people.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.attribution import registry
from explain.attribution.base import Attribution
from explain.attribution.game import ATTRIBUTE, CONTEXT_FIELD, ITEM, MOST_UNITS, OLDER, Game, Target
from explain.exceptions import CannotExplain
from recommender.algorithms.base import LinearlyExplainable, Recommender, mask_seen, top_k
from recommender.data.dataset import Histories, Int
from recommender.evaluation.significance import bootstrap_means

PEOPLE = 200
"""People drawn where no other number is asked for."""
UNITS = 50
"""Items of a history that are units of their own where the recommender is not linear: no explanation may take long."""
SECONDS, FEWEST = 300.0, 20
"""For so long people are explained, and at least so many."""
LEAST = 5
"""Fewer people than this are not told apart: a row about them would be about someone."""
RECENCY = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, MOST_UNITS))
"""Bands of positions from the end of a history; what lies before is one unit together."""
TEN = 10
STARTS = [low for low, _ in RECENCY]
FLAT = 1e-9
"""Attributions below this part of a score are none."""
Rows = list[dict[str, Any]]
Told = Callable[[float], None]


@dataclass(frozen=True)
class Sample:
    """People drawn, a row each: `people` (n,) rows of the histories asked, `histories` theirs, `items` (n, k) what the
    recommender puts first, −1 where it has no more."""

    people: Int
    histories: Histories
    items: Int


def drawn(
    model: Recommender, histories: Histories, hidden: Int, *, people: int = PEOPLE, k: int = 1, seed: int = 0
) -> Sample:
    """Of those with a history, at most `people` by chance and in an order by chance, each with the first `k` items of
    the own list."""
    able = np.flatnonzero(histories.lengths > 0)
    chosen = np.random.default_rng(seed).permutation(able)[:people].astype(np.int64)
    theirs = histories.select(chosen)
    items = np.empty((len(chosen), k), dtype=np.int64)
    for start in range(0, len(chosen), 256):
        part = theirs.select(np.arange(start, min(start + 256, len(chosen))))
        scores = mask_seen(np.array(model.score(part), dtype=np.float32), part)
        scores[:, hidden] = -np.inf
        best = top_k(scores, k)[0]
        items[start : start + 256] = np.pad(best, ((0, 0), (0, k - best.shape[1])), constant_values=-1)
    shown = np.flatnonzero(items[:, 0] >= 0)  # whoever has met everything is shown nothing
    return Sample(chosen[shown], theirs.select(shown), items[shown])


def attributed(
    model: Recommender,
    sample: Sample,
    hidden: Int,
    *,
    method: str = "",
    seed: int = 0,
    seconds: float = SECONDS,
    told: Told = lambda share: None,
) -> tuple[str, list[tuple[int, Attribution]]]:
    """The method, and (row of the sample, attribution) of each item that each person is shown first.

    `method` "" is the registry's choice for the first person. After `seconds` no more people are taken up than FEWEST.
    Raises CannotExplain where nobody can be explained.
    """
    units, found, began = MOST_UNITS if isinstance(model, LinearlyExplainable) else UNITS, [], time.monotonic()
    why = "Nobody has a history, so there is no recommendation to explain."
    for row in range(len(sample.people)):
        if row >= FEWEST and time.monotonic() - began > seconds:
            break
        told(max(row / len(sample.people), (time.monotonic() - began) / seconds))
        for item in sample.items[row][sample.items[row] >= 0]:
            game = Game(model, sample.histories.select(np.array([row])), Target(int(item)), hidden, most_units=units)
            method = method or registry.default(game)
            explainer = registry.get(method)
            why = explainer.refuses(game) or why
            if not explainer.refuses(game):
                found.append((row, explainer.explain(game, seed=seed)))
    if not found:
        raise CannotExplain(why, field="method")
    return method, found


def table_of(found: Iterable[tuple[int, Attribution]]) -> pd.DataFrame:
    """A row per unit of each explanation: explanation, person, target, kind, key, known (what a field is), value,
    share (of the explanation's Σ|φ|) and place (from the end of the history, 1 = newest; 0 for what is no item)."""
    rows: Rows = []
    for at, (person, each) in enumerate(found):
        size = np.abs(each.values).sum()
        items = [place for place, unit in enumerate(each.units) if unit.kind in (ITEM, OLDER)]
        for place, (unit, value) in enumerate(zip(each.units, each.values.tolist(), strict=True)):
            rows.append(
                {
                    "explanation": at, "person": person, "target": each.target.item, "kind": unit.kind,
                    "key": unit.key, "known": unit.value, "value": value,
                    "share": abs(value) / size if size else 0.0, "place": len(items) - place if place in items else 0,
                }
            )  # fmt: skip
    columns = ["explanation", "person", "target", "kind", "key", "known", "value", "share", "place"]
    return pd.DataFrame(rows, columns=columns)


def nothing_counts(found: Iterable[tuple[int, Attribution]]) -> bool:
    """Whether no unit moves any score: the recommender does not look at the person."""
    return all(np.abs(each.values).max(initial=0.0) <= FLAT * max(1.0, abs(each.prediction)) for _, each in found)


def by_kind(table: pd.DataFrame) -> Rows:
    """Mean share of each kind of unit, the largest first."""
    return _largest(_means(table, table.assign(name=table["kind"]), "kind"))


def by_field(table: pd.DataFrame) -> Rows:
    """Mean share of each attribute and piece of context over all explanations."""
    fields = table[table["kind"].isin([ATTRIBUTE, CONTEXT_FIELD])]
    rows = _means(table, fields.assign(name=fields["kind"] + ":" + fields["key"].astype(str)), "field")
    parts = [row | dict(zip(("kind", "field"), row["field"].split(":", 1), strict=True)) for row in rows]
    return _largest(parts)


def by_recency(table: pd.DataFrame) -> Rows:
    """Mean share of each band of positions from the end of the history, newest first, `each` that of one item in it;
    last the unit of all before."""
    items = table[table["kind"] == ITEM]
    named = items.assign(name=[band_of(place) for place in items["place"]])
    rows = {row["band"]: row for row in _means(table, named, "band")}
    per_item = named.groupby("name")["share"].mean()
    found = [rows[name] | {"each": float(per_item[name])} for name in map(band_of, STARTS) if name in rows]
    older = table[table["kind"] == OLDER]
    return found + [row | {"each": None} for row in _means(table, older.assign(name="before"), "band")]


def band_of(place: int) -> str:
    """“3–5” of the fourth item from the end."""
    low, high = next(((low, high) for low, high in RECENCY if low <= place <= high), RECENCY[-1])
    return str(low) if low == high else f"{low}–{high}"


def by_category(table: pd.DataFrame, categories: Sequence[Sequence[str]]) -> Rows:
    """Mean share, and mean Σφ, of the history's items of each category; one of several categories counts in each."""
    return _largest(_means(table, of_categories(table, categories).rename(columns={"category": "name"}), "category"))


def of_categories(table: pd.DataFrame, categories: Sequence[Sequence[str]]) -> pd.DataFrame:
    """The units that are items, a row for each category of theirs, which is in the column category."""
    met = table[table["kind"] == ITEM]
    spread = met.assign(category=[list(categories[int(key)]) for key in met["key"]]).explode("category")
    return spread.dropna(subset=["category"])


def by_item(table: pd.DataFrame, *, most: int = 50) -> Rows:
    """Items of the catalog that support most: the mean over explanations of their shares where they raise, with its
    interval, `value` the mean φ where met, `lowered` how often they lower; none of fewer than LEAST people."""
    met = table[table["kind"] == ITEM]
    raising = met.assign(name=met["key"].astype(str), share=met["share"].where(met["value"] > 0, 0.0))
    told = {row["item"]: row for row in _means(table, raising, "item")}
    here = met.groupby(met["key"].astype(str))["value"].agg(mean="mean", lowered=lambda each: int((each < 0).sum()))
    rows = [
        row | {"item": int(name), "value": float(here["mean"][name]), "lowered": int(here["lowered"][name])}
        for name, row in told.items()
    ]
    return sorted(rows, key=lambda row: (-row["share"], row["item"]))[:most]


def by_group(table: pd.DataFrame, groups: Sequence[Any], *, least: int = LEAST) -> Rows:
    """Mean share of each kind of unit within groups of people; `groups` (people of the sample,), None where unknown.
    Of a group of fewer than `least` people only the name and that it is suppressed."""
    of = table["person"].map(lambda row: groups[row])
    rows: Rows = []
    for name in sorted({each for each in of if each is not None}, key=str):
        part = table[of == name]
        people = int(part["person"].nunique())
        if people < least:
            rows.append({"group": str(name), "people": None, "suppressed": True})
            continue
        rows += [{"group": str(name), "suppressed": False, **row, "people": people} for row in told_apart(part)]
    return rows


def told_apart(table: pd.DataFrame) -> Rows:
    """Kinds of units, the history in two: its newest TEN items and what is before."""
    recent = (table["kind"] == ITEM) & (table["place"] <= TEN)
    kinds = table["kind"].mask(recent, "newest").mask(~recent & table["kind"].isin([ITEM, OLDER]), "before")
    return _means(table, table.assign(name=kinds), "kind")


def _means(table: pd.DataFrame, part: pd.DataFrame, called: str) -> Rows:
    """A row per name: mean over explanations of the units' Σ share with its interval, of Σ|φ| and of Σφ.

    `part` are units of `table` with a column name; an explanation without a unit of a name counts 0. Names of fewer
    than LEAST people are left out.
    """
    explanations = table.drop_duplicates("explanation").set_index("explanation")["person"]
    if part.empty:
        return []
    sums = part.assign(size=part["value"].abs()).groupby(["explanation", "name"])[["share", "size", "value"]].sum()
    shares = sums["share"].unstack(fill_value=0.0).reindex(explanations.index, fill_value=0.0)
    per_person = shares.groupby(explanations.to_numpy()).mean()
    low, high = bounds(per_person.to_numpy())
    people, totals = part.groupby("name")["person"].nunique(), sums.groupby("name").sum() / len(explanations)
    return [
        {called: str(name), "share": float(per_person[name].mean()), "low": float(low[at]), "high": float(high[at]),
         "size": float(totals.loc[name, "size"]), "value": float(totals.loc[name, "value"]),
         "people": int(people[name])}
        for at, name in enumerate(per_person.columns)
        if people[name] >= LEAST
    ]  # fmt: skip


def bounds(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95% intervals of means over people, `values` (n_people, n); of one person there is none, and the bounds are the
    value."""
    if len(values) < 2:
        return values.mean(axis=0), values.mean(axis=0)
    low, high = np.quantile(bootstrap_means(values), [0.025, 0.975], axis=0)
    return low, high


def _largest(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: -row["share"])
