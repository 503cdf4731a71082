"""How far predicted ratings are from those given: MAE and RMSE, each rating or each person weighing the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.dataset import Int
from recommender.evaluation.significance import Interval, ratio_intervals

Values = NDArray[np.float64]
COUNT, ABSOLUTE, SQUARED = "of_ratings", "of_absolute", "of_squared"
"""Sums per person from which figures that weigh each rating the same are made."""


def rating_table(predicted: Values, given: Values, rows: Int, n_people: int) -> pd.DataFrame:
    """A row per person: how many ratings, Σ|p − r|, Σ(p − r)², `mae_person` and `rmse_person` (nan without ratings).

    `predicted`, `given` and `rows` (the person) have one entry per rating.
    """
    error = predicted - given
    counts = np.bincount(rows, minlength=n_people).astype(np.float64)
    absolute = np.bincount(rows, weights=np.abs(error), minlength=n_people)
    squared = np.bincount(rows, weights=error**2, minlength=n_people)
    return with_means(pd.DataFrame({COUNT: counts, ABSOLUTE: absolute, SQUARED: squared}))


def with_means(sums: pd.DataFrame) -> pd.DataFrame:
    """The sums with each person's own mean error and root of the mean squared error beside them."""
    counts = sums[COUNT].where(sums[COUNT] > 0)
    return sums.assign(mae_person=sums[ABSOLUTE] / counts, rmse_person=np.sqrt(sums[SQUARED] / counts))


def rating_intervals(table: pd.DataFrame) -> dict[str, Interval]:
    """`mae` = Σ|p − r| / n and `rmse` = √(Σ(p − r)² / n) over all ratings; people are resampled."""
    found = ratio_intervals(table[[ABSOLUTE, SQUARED]].to_numpy(np.float64), table[COUNT].to_numpy(np.float64))
    if found is None:
        return {}
    value, low, high = found
    return {
        "mae": Interval(float(value[0]), float(low[0]), float(high[0])),
        "rmse": Interval(*(float(np.sqrt(each[1])) for each in (value, low, high))),
    }
