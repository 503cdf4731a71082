"""The benchmark of trainings that look at groups, on a small catalog: the same steps, the same rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from explain.fairness.base import ATTRIBUTE, Asked, Grouping
from recsite.benchmarks import BENCHMARKS, remedies_training
from recsite.benchmarks.audit_data import People
from recsite.benchmarks.remedies_training import CONTENDERS, Contender, point, summary, worst_of
from tests.recommender.metalearning.planted import PEOPLE, opposite

SMALL = {"factors": 4, "length": 8, "epochs": 1, "initial": "random"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    data, few = opposite()
    table = pd.DataFrame({"gender": np.where(few, "F", "M"), "age": np.arange(PEOPLE) % 2 * 10 + 18})
    monkeypatch.setattr(remedies_training, "people_1m", lambda say: People(data, table))
    monkeypatch.setattr(remedies_training, "CONTENDERS", {"sasrec": Contender(SMALL, ("gender",))})
    monkeypatch.setattr(remedies_training, "STRENGTHS", {"reweight": (1.0,), "std": (0.5,)})
    monkeypatch.setattr(remedies_training, "ASKED", Asked(resamples=200, permutations=200))
    settings.DATA_DIR = tmp_path


def test_every_objective_has_a_row_beside_the_plain_training_with_other_seeds(small: None) -> None:
    assert BENCHMARKS["remedies-training"] == "recsite.benchmarks.remedies_training"
    said: list[str] = []
    found = remedies_training.run(said.append)
    assert [(row["objective"], row["strength"]) for row in found["rows"]] == [
        ("plain", 0.0), ("reweight", 1.0), ("std", 0.5),
    ]  # fmt: skip
    for row in found["rows"]:
        assert row["gap low"] <= row["gap change"] <= row["gap high"]
        assert row["gap"] - row["gap before"] == pytest.approx(row["gap change"], abs=2e-4)
        assert 0 <= row["gap p, Holm"] <= 1 if row["objective"] != "plain" else row["gap p, Holm"] is None
    assert found["people"] == PEOPLE and any("seed 3" in line for line in said)
    again: list[str] = []
    assert remedies_training.run(again.append) == found, "what was measured is read from the disk"


def test_the_worst_group_and_its_gap_are_those_of_its_mean_against_the_rest() -> None:
    codes = np.repeat([0, 1, 2], 20)
    grouping = Grouping("town", "Town", ATTRIBUTE, codes.astype(np.int64), ("a", "b", "c"))
    before = np.repeat([0.3, 0.1, 0.2], 20) + np.tile([-0.01, 0.01], 30)
    after = before + np.repeat([0.0, 0.06, 0.0], 20)
    assert worst_of(before, grouping) == 1
    row = point(before, after, grouping, 1)
    assert (row["worst group"], row["gap before"], row["gap"]) == ("b", -0.15, -0.09)
    assert row["gap change"] == pytest.approx(0.06) and row["ndcg@10"] == pytest.approx(0.22)


def test_nothing_is_claimed_that_chance_allows() -> None:
    row: Callable[..., dict[str, Any]] = lambda **given: {  # noqa: E731
        "algorithm": "sasrec", "groups": "gender", "objective": "dro", "strength": 1.0, "gap before": -0.02,
        "gap change": 0.01, "gap low": 0.002, "gap high": 0.018, "gap p, Holm": 0.0, "gap": -0.01, "loss": 0.01,
        "it gains": False, **given,
    }  # fmt: skip
    surely = summary([row(), row(**{"gap change": 0.015, "loss": 0.2}), row(**{"gap change": 0.005, "it gains": True})])
    assert surely["reached"] and surely["ours"] == 0.01 and surely["ratio"] == pytest.approx(0.5)
    assert len(surely["narrowed"]) == 3 and "in 3 rows; in 1 of them" in surely["said"]
    for unsure in (row(**{"gap p, Holm": 0.2}), row(**{"gap low": -0.001})):
        found = summary([unsure, row(objective="plain", **{"gap p, Holm": None})])
        assert not found["reached"] and found["ours"] == 0.0
        assert "none narrows by more than 0.018" in found["said"]
    assert set(CONTENDERS) == {"sasrec", "prototypes"}
