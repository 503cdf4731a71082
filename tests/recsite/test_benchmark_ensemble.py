"""The benchmark of the ensemble, from its figures per person to its verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recommender.data.splits import leave_last_out
from recsite.benchmarks.ensemble import summary
from recsite.benchmarks.quality import Kept, measured, trained
from tests.recommender.builders import blocks


def table(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"user": np.arange(len(values)), "ndcg@10": values})


def test_it_is_reached_where_every_part_is_surely_worse() -> None:
    tables = {"ease": table([0.0] * 20), "ials": table([0.5] * 20), "ensemble": table([1.0] * 20)}
    found = summary(tables, dict.fromkeys(tables, 1.0), {"ease": 0.3, "ials": 0.7})
    assert (found["ours"], found["peer"], found["ratio"], found["reached"]) == (1.0, 0.5, 2.0, True)
    assert [row.get("ensemble above by") for row in found["rows"]] == [1.0, 0.5, None]


def test_it_is_not_reached_where_one_part_may_be_as_good() -> None:
    better = [1.0, 0.0] * 10
    tables = {"ease": table([0.0] * 20), "ials": table(better[::-1]), "ensemble": table(better)}
    assert not summary(tables, dict.fromkeys(tables, 1.0), {"ease": 0.3, "ials": 0.7})["reached"]


def test_an_ensemble_is_made_of_what_was_trained_before() -> None:
    data = blocks(n_people=30)
    split, kept = leave_last_out(data), Kept()
    for name in ("ease", "item_knn"):
        measured(name, split, data, print, kept)
    row = measured("ensemble", split, data, print, kept, members="ease,item_knn")
    assert len(row["seeds"]) == 1
    assert kept["ensemble", 0].model.members()["ease"] is kept["ease", 0].model
    alone = trained("ensemble", kept["ensemble", 0].chosen.replace(weights=None), split, 0, {})
    assert alone.model.weights() == kept["ensemble", 0].model.weights()
