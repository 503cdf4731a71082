"""The benchmark of counterfactuals on a small catalog: what it verifies, and what it compares with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explain.attribution.counterfactual import removal
from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.data.dataset import Histories
from recsite.benchmarks import BENCHMARKS
from recsite.benchmarks.counterfactuals import K, _case, against_brute_force, brute_force, gone, removed_in_order
from tests.recommender.builders import blocks


def made() -> tuple[Recommender, Histories]:
    data = blocks(n_people=60, n_items=48, length=10, seed=3)
    model = registry.create("item_knn").fit(data, rng=np.random.default_rng(0), report=lambda *_: None)
    return model, data.histories


def test_the_search_finds_what_the_brute_force_finds_and_it_is_verified_apart() -> None:
    model, histories = made()
    rng = np.random.default_rng(1)
    cases = [_case(model, histories, row, rng) for row in range(12)]
    found = [removal(game, k=K) for game in cases]
    row = against_brute_force(cases, found, print)
    assert row["brute force on"] == 12
    assert row["equal to brute force"] == 1
    assert row["brute none within 3"] < 12
    for game, each in zip(cases, found, strict=True):
        if not each.found:
            continue
        assert gone(game, each)
        assert not gone(game, replace(each, removed=()))
        greedy = removed_in_order(game, "ablation")
        assert greedy is None or greedy >= each.size
        assert (brute_force(game) or 9) >= min(each.size, 4)


def test_it_is_registered() -> None:
    assert BENCHMARKS["counterfactuals"] == "recsite.benchmarks.counterfactuals"
