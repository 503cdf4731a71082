"""The benchmark of remedies on a small catalog: the same steps, the same rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recommender.algorithms import registry as algorithms
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.reranking import registry
from recsite.benchmarks import BENCHMARKS, remedied, remedies
from recsite.benchmarks.audit_data import People, attributes
from recsite.benchmarks.remedied import disparate, figures, ground
from tests.recommender.algorithms.test_conformance import Kept, fitted
from tests.recommender.builders import blocks


@pytest.fixture(scope="module")
def people() -> People:
    dataset = blocks(n_people=120, length=9)
    known = {"categories": [["drama"] if at % 2 else ["comedy", "war"] for at in range(dataset.n_items)]}
    at = np.arange(120)
    table = {"gender": np.where(at % 3 == 0, "F", "M"), "age": at % 2 * 10 + 18, "occupation": ["artist"] * 120}
    return People(replace(dataset, item_fields=pd.DataFrame(known)), pd.DataFrame(table))


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch, people: People) -> dict[str, Any]:
    monkeypatch.setattr(remedies, "people_1m", lambda say: people)
    monkeypatch.setattr(remedies, "trained_1m", lambda of, split, say: fitted(of, split.before_test))
    monkeypatch.setattr(remedies, "PARENTS", ("ease",))
    monkeypatch.setattr(remedied, "RESAMPLES", 60)
    monkeypatch.setattr(remedied, "GINIS", 10)
    return remedies.run(lambda line: None)


def test_every_remedy_is_swept_and_the_first_of_each_is_the_parent_itself(result: dict[str, Any]) -> None:
    assert BENCHMARKS["remedies"] == "recsite.benchmarks.remedies"
    json.dumps(result)  # as the command prints it
    rows = result["rows"]
    assert {(row["remedy"], row["strength"]) for row in rows} == {
        (name, strength) for name in registry.REMEDIES for strength in registry.get(name).grid
    }
    for row in rows:
        assert row["gini low"] <= row["gini high"] and row["ndcg@10 low"] <= row["ndcg@10"] <= row["ndcg@10 high"]
        assert [each["grouping"] for each in row["worst groups"]] == ["gender", "age", "occupation"]
        if row["strength"] == 0:
            assert row["loss of ndcg@10"] == row["gini change"] == row["worst groups"][0]["change"] == 0
    assert result["best"]["loss of ndcg@10"] <= result["most_loss"]
    assert result["ours"] == max(row["gini fall"] for row in rows if row["loss of ndcg@10"] <= result["most_loss"])


def test_figures_are_those_of_the_protocol_and_of_the_deployed(people: People) -> None:
    dataset, split = people.dataset, leave_last_out(people.dataset)
    parent = fitted("ease", split.before_test)
    on = ground(dataset, split.test, tuple(attributes(people.attributes)))
    config = algorithms.config_class("reranked").from_mapping({"remedy": "gini", "strength": 0.4})
    model = algorithms.create("reranked", config)
    model.fit(split.before_test, parents={"ease": parent}, rng=np.random.default_rng(0), report=Kept())
    found = evaluate(model, split.test, dataset)
    candidates = remedies.estimated(parent, split.test.histories, 1000).given(
        remedies.pool_of(parent, split.test.histories, 1000)
    )
    lists = remedies.made("gini", 0.4, candidates, dataset, split)
    assert np.array_equal(lists, found.lists[:, :10])
    np.testing.assert_allclose(figures(on, lists).by_person["ndcg@10"], found.per_user["ndcg@10"])


def test_disparate_exposure_is_exposure_for_relevance() -> None:
    """Tail: 1 of exposure for 2 of relevance; head: 3 for 2."""
    found = disparate(np.array([3.0, 1.0]), np.array([2.0, 2.0]), np.array([False, True]))
    assert found == pytest.approx((1 / 2) / (3 / 2))


def test_points_that_another_beats_are_marked_and_turns_are_told() -> None:
    points = [(0.1, 0.9, 0.0), (0.09, 0.95, -0.01), (0.12, 0.8, 0.05)]
    rows = [{"strength": at, "ndcg@10": ndcg, "gini": gini, "ndcg@10 change low": change - 0.01,
             "ndcg@10 change high": change + 0.01} for at, (ndcg, gini, change) in enumerate(points)]  # fmt: skip
    remedies.mark_dominated(rows)
    assert [row["dominated"] for row in rows] == [True, True, False]
    said = remedies.not_monotone("ease", "gini", rows)
    assert len(said) == 2 and "gini turns back from 0 to 1" in said[0] and "NDCG@10 rises from 1 to 2" in said[1]
