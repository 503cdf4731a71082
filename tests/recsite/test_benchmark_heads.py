"""Both heads together and each alone, on a handful of people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recommender.data.splits import held_out_people
from recsite.benchmarks.heads import MAE, METRIC, per_person, summary
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks


@pytest.mark.parametrize(("loss", "columns"), [("both", {METRIC, MAE}), ("ranking", {METRIC}), ("rating", {MAE})])
def test_each_loss_is_measured_by_what_it_learns(loss: str, columns: set[str]) -> None:
    data = blocks()
    split = held_out_people(data, shots=2)
    model = fitted("maml", split.train, settings={"epochs": 1, "loss": loss})
    table = per_person(model, split.test, data, loss)
    assert set(table) == columns | {"user"}
    assert len(table) == len(split.test.people)


def test_the_summary_by_hand() -> None:
    users = np.arange(4)
    tables = {
        "both": pd.DataFrame({"user": users, METRIC: [0.2, 0.4, 0.2, 0.4], MAE: [0.5, 0.7, 0.5, 0.7]}),
        "ranking": pd.DataFrame({"user": users, METRIC: [0.1, 0.3, 0.1, 0.3]}),
        "rating": pd.DataFrame({"user": users, MAE: [0.6, 0.8, 0.6, 0.8]}),
    }
    found = summary(tables)
    assert found["ratio"] == pytest.approx(1.5)
    assert [row["loss"] for row in found["rows"]] == ["both", "ranking", "rating"]
    assert found["rows"][1]["both above by"] == pytest.approx(0.1)
    assert found["rows"][2]["both above by"] == pytest.approx(-0.1)
