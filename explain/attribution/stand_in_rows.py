"""Rows that simple models learn from in a recommender's stead: a person and an item, described in words of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from explain.attribution.importance import LEAST
from recommender.algorithms.base import Recommender
from recommender.data.dataset import Float, Histories, Int
from recommender.data.features import number_of

BATCH = 64
CHANCE, BEST = 90, 10
"""Items of each person: so many by chance of those not met, and the first ones of the person's own list."""
WORDS = 8
"""Values of a word that become a feature of their own, the most frequent ones."""
NUMBER, SHARE, FLAG = "number", "share", "flag"
"""Kinds of features: a number with a unit of its own, a part of 1, yes (1) or no (0)."""

SHARES = frozenset({"met by the same people", "categories in common", "creators in common", "texts alike"})
MEANINGS = {
    "popularity": "interactions with the item",
    "year": "the item's year",
    "interactions known": "length of the person's history",
    "met by the same people": "mean cosine of the item and the history's, by who met them",
    "categories in common": "mean over the item's categories of the share of the history that has them",
    "creators in common": "the same of creators",
    "years from the usual": "years between the item and the middle one of the history",
    "texts alike": "cosine of the item's text and the closest of the history's",
}
"""What features that no attribute names mean, in the words of a page."""


@dataclass(frozen=True)
class Known:
    """What is said of items: `counts` (n_items,) interactions, `categories` and `creators` a list of each, `years`
    (n_items,) nan where unknown, `alike` (n_items, n_items) sparse similarity by who met them, `vectors` (n_items, d)
    of length 1 by their texts or None."""

    counts: Int
    categories: Sequence[Sequence[str]]
    creators: Sequence[Sequence[str]]
    years: NDArray[np.float64]
    alike: sparse.csr_matrix
    vectors: Float | None = None


@dataclass(frozen=True)
class Described:
    """`table` (n, n_features) of numbers without gaps, `kinds` by feature, `scores` (n,) standardised within a person,
    `people` (n,) the person of each row as a number."""

    table: pd.DataFrame
    kinds: dict[str, str]
    scores: NDArray[np.float64]
    people: Int


def described(
    model: Recommender, histories: Histories, known: Known, hidden: Int, fields: Sequence[str] = (), *, seed: int = 0
) -> Described:
    """CHANCE + BEST items of each person with their scores, (score − mean) / standard deviation over the items that
    the person has not met: what puts items in order, without what only tells people apart."""
    rng, blocks = np.random.default_rng(seed), []
    for row, one, scores in _scored(model, histories):
        able = np.setdiff1d(np.arange(len(scores)), np.concatenate([one.items, hidden]))
        spread = scores[able].std() if len(able) else 0.0
        items = _chosen(scores, able, rng)
        if len(items) < 2 or spread <= 1e-12:
            continue
        wanted = (scores[items] - scores[able].mean()) / spread
        blocks.append(_of_person(one, items, known).assign(score=wanted, person=row))
    if not blocks:
        return Described(pd.DataFrame(), {}, np.empty(0), np.empty(0, dtype=np.int64))
    table = pd.concat(blocks, ignore_index=True)
    scores, people = table.pop("score").to_numpy(dtype=np.float64), table.pop("person").to_numpy(dtype=np.int64)
    table, kinds = _with_fields(table, histories, people, fields)
    moving = [name for name in table.columns if table[name].nunique() > 1]
    return Described(table[moving], {name: kinds[name] for name in moving}, scores, people)


def _scored(model: Recommender, histories: Histories) -> Iterator[tuple[int, Histories, NDArray[np.float64]]]:
    """Each person's row, history and scores; asked in batches."""
    for start in range(0, len(histories), BATCH):
        part = histories.select(np.arange(start, min(start + BATCH, len(histories))))
        scores = model.score(part).astype(np.float64)
        for at in range(len(part)):
            yield start + at, part.select(np.array([at])), scores[at]


def _chosen(scores: NDArray[np.float64], able: Int, rng: np.random.Generator) -> Int:
    by_chance = rng.permutation(able)[:CHANCE]
    best = able[np.argsort(-scores[able], kind="stable")[:BEST]]
    return np.union1d(by_chance, best).astype(np.int64)


def _of_person(one: Histories, items: Int, known: Known) -> pd.DataFrame:
    """(k, n) features of `items` for one person."""
    met = np.unique(one.items)
    columns: dict[str, Any] = {
        "popularity": known.counts[items],
        "year": known.years[items],
        "interactions known": np.full(len(items), len(one.items)),
        "met by the same people": _likeness(known.alike[items][:, met]),
        "categories in common": _shared(items, met, known.categories),
        "creators in common": _shared(items, met, known.creators),
    }
    if len(met):
        columns["years from the usual"] = np.abs(known.years[items] - _middle(known.years[met]))
    if known.vectors is not None:
        near = known.vectors[items] @ known.vectors[met].T if len(met) else np.zeros((len(items), 1))
        columns["texts alike"] = near.max(axis=1)
    return pd.DataFrame(columns)


def _likeness(part: sparse.csr_matrix) -> NDArray[np.float64]:
    """Mean similarity to what was met."""
    found: NDArray[np.float64] = np.asarray(part.sum(axis=1), dtype=np.float64).reshape(-1) / max(1, part.shape[1])
    return found


def _shared(items: Int, met: Int, said: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Mean over an item's words of the share of the history's items that have it."""
    words = [set(said[item]) for item in met.tolist()]
    share = {word: sum(word in each for each in words) / len(words) for word in set().union(*words)} if words else {}
    return np.array([np.mean([share.get(word, 0.0) for word in said[item]] or [0.0]) for item in items.tolist()])


def _middle(years: NDArray[np.float64]) -> float:
    known = years[~np.isnan(years)]
    return float(np.median(known)) if len(known) else float("nan")


def _with_fields(
    table: pd.DataFrame, histories: Histories, people: Int, fields: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The person's attributes beside the rest; gaps of numbers are filled with the median."""
    kinds = {str(name): SHARE if name in SHARES else NUMBER for name in table.columns}
    for name in fields:
        column = histories.fields[name]
        numbers = [number_of(value) for value in column.tolist() if value is not None]
        if numbers and None not in numbers and len(set(numbers)) > 2:
            table[name] = pd.to_numeric(pd.Series(column[people]), errors="coerce")
            kinds[name] = NUMBER
            continue
        told = pd.Series(column).map(lambda value: None if value is None or isinstance(value, list) else str(value))
        often = told.value_counts()
        for word in often[often >= LEAST].index[:WORDS]:
            table[f"{name} is {word}"] = (told == word).to_numpy()[people].astype(float)
            kinds[f"{name} is {word}"] = FLAG
    return table.apply(lambda column: column.fillna(column.median()).fillna(0.0)).astype(float), kinds
