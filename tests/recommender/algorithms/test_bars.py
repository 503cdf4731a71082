"""The table of bars: MovieLens-100K, leave-last-out, full ranking, everyone counted, default settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from recommender.data.dataset import Dataset
from recommender.data.splits import Split, leave_last_out
from recsite.benchmarks.quality import BARS, METRIC, measured
from tests.recommender.builders import movielens_100k


@pytest.fixture(scope="module", autouse=True)
def every_core(one_thread: None) -> Iterator[None]:
    """The bars are the only tests here whose networks are large enough for more than one thread."""
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(ml_100k: Path) -> Dataset:
    return movielens_100k(ml_100k)


@pytest.fixture(scope="module")
def split(data: Dataset) -> Split:
    return leave_last_out(data)


@pytest.mark.benchmark
@pytest.mark.parametrize("name", BARS)
def test_the_bar_is_reached(name: str, data: Dataset, split: Split) -> None:
    assert measured(name, split, data, print)[METRIC] >= BARS[name]


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("name", "settings", "published"),
    [
        ("popularity", {}, 0.0449),
        ("item_knn", {"neighbours": 100, "half_life": 0}, 0.0556),
        ("ease", {"regularization": 500, "half_life": 0}, 0.0729),
    ],
)
def test_without_our_additions_the_peers_figures_come_out(
    name: str, settings: dict[str, float], published: float, data: Dataset, split: Split
) -> None:
    """Within .001: ties among scores may be broken otherwise elsewhere."""
    assert measured(name, split, data, print, **settings)[METRIC] == pytest.approx(published, abs=0.001)
