"""The parts of MovieLens-1M as facts state them, and the table of the benchmark on a handful of people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recommender.evaluation.cold_start.floors import LinearFloor, Settings
from recommender.evaluation.cold_start.protocols import SCENARIOS, Partition
from recommender.evaluation.cold_start.stars import Levels
from recsite.benchmarks import cold_start, cold_start_limits, melu
from tests.recommender.builders import blocks


def small(n_items: int = 24, new: int = 4) -> Partition:
    """Half of 60 people are new, and the first `new` items of each half of the catalog."""
    data, half = blocks(60, n_items, 5 * n_items // 6), n_items // 2
    whole = data.histories
    new_person, new_item = whole.rows < 30, whole.items % half < new
    masks = (new_person & ~new_item, ~new_person & new_item, new_person & new_item)
    asked = {name: whole.keep(mask) for name, mask in zip(SCENARIOS, masks, strict=True)}
    return Partition(data.with_histories(whole.keep(~new_person & ~new_item)), asked)


def test_a_row_per_metric_with_its_interval_and_the_difference_to_the_hybrid() -> None:
    cases = cold_start.drawn(small(), 2)
    mean = cold_start.Contender("hybrid", lambda case: np.full(len(case.query.items), 3.0), cold_start.unchanged, 0.0)
    other = cold_start.Contender(
        "random", lambda case: np.arange(len(case.query.items)) % 3.0, cold_start.unchanged, 0.0
    )
    tables = {each.name: cold_start.measured(each, cases) for each in (mean, other)}
    at = ("ten percent", "new people")
    rows = list(cold_start.rows_of(other, at, tables))
    assert [row["metric"] for row in rows] == ["p@5", "ndcg@5", "ndcg@5_exponential"]
    assert all(row["low"] <= row["value"] <= row["high"] and 0 < row["p"] <= 1 for row in rows)
    assert "p" not in next(iter(cold_start.rows_of(mean, at, tables)))
    found = {row["metric"]: row for row in cold_start.rows_of(mean, ("melu-4", "new people"), tables)}
    assert found["mae"]["value"] == found["mae_level"]["value"]


def test_the_whole_level_is_the_median_of_what_was_given() -> None:
    found = np.concatenate([np.full(50, 2.6), np.full(50, 4.4)])
    given = np.concatenate([np.full(30, 2.0), np.full(20, 4.0), np.full(50, 5.0)])
    assert Levels.learned(found, given).decide(np.array([2.5, 4.6])).tolist() == [2, 5]


def test_the_parts_have_the_published_sizes(datasets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (datasets / "ml-1m" / "melu").is_dir():
        pytest.skip(f"needs MovieLens-1M and MeLU's parts in {datasets / 'ml-1m'}")
    monkeypatch.setattr(melu, "vectors", lambda texts, say: np.zeros((len(texts), 384), dtype=np.float32))
    whole = melu.partition(lambda line: None)
    assert len(whole.train.histories.items) == 640_444
    assert [len(whole.asked[name].items) for name in SCENARIOS] == [163_702, 157_456, 38_603]
    new = np.union1d(*(np.flatnonzero(whole.asked[name].lengths) for name in ("new people", "both")))
    assert len(new) == 1208
    assert not whole.train.histories.lengths[new].any()
    assert pd.notna(whole.train.item_fields["year"]).all()
    inner = melu.validation(whole)
    assert not np.intersect1d(inner.asked["both"].items, inner.train.histories.items).size


def test_what_the_bars_would_need_rises_with_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of the true means told the expectation is the truth, and lists of new items are no worse for it."""
    monkeypatch.setattr(cold_start_limits, "ASKED", 6)
    monkeypatch.setattr(cold_start_limits, "GIVEN", (1, 3))
    whole = small(60, 15)
    whole = replace(whole, train=replace(whole.train, item_fields=pd.DataFrame({"categories": [["a"], ["b"]] * 30})))
    found = cold_start_limits.rows(whole, LinearFloor(whole.train, Settings()))
    given = [row for row in found if row["limit"] == "ratings given"]
    assert [row["given"] for row in given] == [1, 3] and given[0]["people"] == given[1]["people"] > 0
    told = [row for row in found if row["scenario"] == "both"]
    assert [row["share"] for row in told] == list(cold_start_limits.SHARES)
    assert told[-1]["correlation"] == 1.0 and told[-1]["p@5"] >= told[0]["p@5"]
