"""Attributions of many people as points: of each feature how it moves each recommendation (Lundberg et al., Nature
Machine Intelligence 2020, "summary plot")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from explain.attribution.game import ATTRIBUTE, CONTEXT_FIELD
from explain.attribution.importance import LEAST, Rows, of_categories


def beeswarm(
    table: pd.DataFrame,
    categories: Sequence[Sequence[str]],
    lengths: Mapping[int, int],
    *,
    most: int = 10,
    seed: int = 0,
) -> Rows:
    """Points of the features that count most: {"feature", "value", "level", "row"}.

    A feature is a field, or a category of what was met; `value` the signed share of the explanation that it has,
    `level` (0..4) the fifth of people that its value is in (how much of the history is of the category, how large a
    number is; None for words), `row` a number that means nothing: rows are shuffled within each feature, so that what
    two features say of one person cannot be joined.
    """
    signed = table.assign(signed=table["share"] * np.sign(table["value"]))
    points = pd.concat([_of_categories(signed, categories, lengths), _of_fields(signed)], ignore_index=True)
    if points.empty:
        return []
    enough = points.groupby("feature")["explanation"].transform("size") >= LEAST
    points = points[enough]
    order = points.groupby("feature")["value"].agg(lambda each: each.abs().sum()).sort_values(ascending=False)
    rng, rows = np.random.default_rng(seed), []
    for name in order.index[:most]:
        part = points[points["feature"] == name].sample(frac=1.0, random_state=int(rng.integers(2**31)))
        levels = _fifths(part["known"])
        rows += [
            {"feature": str(name), "value": round(value, 4), "level": level, "row": at}
            for at, (value, level) in enumerate(zip(part["value"].tolist(), levels, strict=True))
        ]
    return rows


def _of_categories(
    table: pd.DataFrame, categories: Sequence[Sequence[str]], lengths: Mapping[int, int]
) -> pd.DataFrame:
    spread = of_categories(table, categories).rename(columns={"category": "feature"})
    if spread.empty:
        return pd.DataFrame(columns=["explanation", "feature", "value", "known"])
    sums = spread.groupby(["explanation", "person", "feature"]).agg(value=("signed", "sum"), met=("key", "size"))
    sums = sums.reset_index()
    sums["known"] = sums["met"] / sums["person"].map(lengths)
    return sums[["explanation", "feature", "value", "known"]]


def _of_fields(table: pd.DataFrame) -> pd.DataFrame:
    fields = table[table["kind"].isin([ATTRIBUTE, CONTEXT_FIELD])]
    found = fields.rename(columns={"key": "feature", "signed": "value", "value": "plain"})
    return found[["explanation", "feature", "value", "known"]]


def _fifths(values: pd.Series) -> list[int | None]:
    """The fifth of each number among all, 0 = lowest; None of what is no number."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        return [None] * len(values)
    ranks = numbers.rank(method="average", pct=True)
    return [min(4, int(rank * 5 - 1e-9)) for rank in ranks.tolist()]
