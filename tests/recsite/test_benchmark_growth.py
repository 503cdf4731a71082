"""The generated catalog, the slopes, and one real training in a process of its own."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.algorithms import registry
from recsite.benchmarks import growth
from recsite.benchmarks.generated import catalog


def test_the_generated_catalog_has_its_size_and_no_pair_twice():
    made = catalog(20_000)
    histories = made.histories
    assert (made.n_users, len(histories.items)) == (200, 20_000)
    assert len(np.unique(histories.rows * made.n_items + histories.items)) == 20_000
    popularity = np.sort(np.bincount(histories.items, minlength=made.n_items))
    assert popularity[-made.n_items // 10 :].sum() > popularity[: made.n_items // 2].sum()


def test_the_slope_is_one_where_ten_times_the_data_take_ten_times_as_long():
    steps = [{"time": 0.5, "memory": 1.0}, {"time": 5.0, "memory": 100.0}, {"time": 50.0, "memory": 10_000.0}]
    assert growth._slope(steps, "time") == 1.0
    assert growth._slope(steps, "memory") == 2.0
    assert growth._slope([steps[0], None, None], "time") is None


def test_a_size_that_must_take_too_long_is_not_begun():
    assert growth._too_long([{"time": growth.LONGEST / 9, "memory": 1.0}])
    assert growth._too_long([None])
    assert not growth._too_long([]) and not growth._too_long([{"time": 1.0, "memory": 1.0}])


def test_a_training_is_measured_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(growth, "SIZES", (5_000, 50_000))
    row = growth.measured("item_knn", lambda line: None)
    assert row["warned"] and row["algorithm"] == "item_knn"
    assert all(seconds > 0 for seconds in row["seconds"]) and all(size > 0 for size in row["megabytes"])


@pytest.mark.parametrize(("items", "memory"), [(1_000, "33 MB"), (10_000, "3.3 GB")])
def test_a_warning_tells_what_this_catalog_would_need(items, memory):
    assert f"about {memory} for {items:,} items" in registry.warning("ease", items=items, people=5)
    assert registry.warning("popularity", items=items, people=5) == ""
