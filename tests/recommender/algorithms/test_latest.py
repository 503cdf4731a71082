"""The newest first, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from recommender.algorithms.latest import DAY, Latest, LatestConfig
from recommender.data.dataset import Dataset
from tests.recommender.builders import dataset, histories


def freshness(data: Dataset, **config: str) -> list[float]:
    model = Latest(LatestConfig(**config)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)
    return model.score(histories([[]]))[0].tolist()


MET = dataset([[0, 2], [2, 1]], 5, times=[[0, 4 * DAY], [1 * DAY, 10 * DAY]])
"""First met on the days 0 (item 0), 10 (item 1), 1 (item 2); items 3 and 4 by nobody."""


def test_an_item_is_as_old_as_its_first_interaction() -> None:
    assert freshness(MET) == [-10, 0, -9, 0, 0]


def test_what_nobody_met_is_new_only_if_it_came_after_everything() -> None:
    assert freshness(dataset([[0, 2]], 4, times=[[0, 2 * DAY]])) == [-2, -2, 0, 0]


def test_a_release_date_counts_where_there_is_one() -> None:
    days = [date(1970, 1, 6), None, None, date(1970, 1, 21), None]
    data = replace(MET, item_fields=pd.DataFrame({"released": pd.Series(days, dtype=object)}))
    assert freshness(data) == [-5, 0, -9, 10, 0]
    assert freshness(data, by="first_interaction") == [-10, 0, -9, 0, 0]


def test_without_times_all_are_alike() -> None:
    assert freshness(dataset([[0, 1]], 2, times=[[np.nan, np.nan]])) == [0, 0]
