"""The benchmark of faithfulness on a small catalog: the same steps, the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explain.attribution import examined
from explain.attribution.examined import Way
from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.data.splits import Split
from recsite.benchmarks import BENCHMARKS, faithfulness
from tests.recommender.builders import blocks

WAYS = (Way("contributions"), Way("ablation"), Way("ablation", margin=True))


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def trained(algorithm: str, split: Split, say: Any) -> Recommender:
        config = registry.config_class("ials").from_mapping({"factors": 8, "iterations": 3})
        return registry.create("ials", config).fit(
            split.before_test, rng=np.random.default_rng(0), report=lambda *_: None
        )

    monkeypatch.setattr(faithfulness, "movielens_1m", lambda say: blocks())
    monkeypatch.setattr(faithfulness, "trained_1m", trained)
    monkeypatch.setattr(examined, "default_ways", lambda: WAYS)
    monkeypatch.setattr(faithfulness, "PEOPLE", {"ials": 40, "sasrec": 20})
    monkeypatch.setattr(faithfulness, "CLOSE", {"ials": 5, "sasrec": 5})
    return faithfulness.run(lambda line: None)


def test_every_way_has_a_row_beside_chance_and_greedy_removal(result: dict[str, Any]):
    assert BENCHMARKS["faithfulness"] == "recsite.benchmarks.faithfulness"
    ways = {"random order", "greedy removal", *(way.key for way in WAYS)}
    assert {row["way"] for row in result["rows"] if row["algorithm"] == "ials"} == ways
    best = next(row for row in result["rows"] if row["algorithm"] == "ials" and row["way"] == result["best"])
    least = min(float(best[f"closed {figure}"].split()[0]) for figure in ("pos@5", "cdcg"))
    assert result["ours"] == pytest.approx(least, abs=5e-4)
    assert result["ratio"] == pytest.approx(result["ours"] / 0.8)
    judged = [row for row in result["rows"] if "beats random" in row]
    assert len(judged) == 2 * len(WAYS)
    assert "for context" in result["published_context"]
