"""The factorisation machine against its definition, and what fields and context do."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from recommender.algorithms.fm import FM, FMConfig
from recommender.data.dataset import Dataset
from recommender.data.features import beside, recent
from tests.recommender.builders import dataset, histories


def trained(data: Dataset, **config: Any) -> FM:
    settings = {"factors": 8, "epochs": 30, "batch": 16, "learning_rate": 0.02, "dropout": 0.0} | config
    return FM(FMConfig(**settings)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)


def with_fields(data: Dataset) -> Dataset:
    genres = [["a"], ["a", "b"], ["b"], ["a"]]
    jobs = ["x", "y"] * (data.n_users // 2)
    data = replace(data, item_fields=pd.DataFrame({"categories": genres}), user_fields=pd.DataFrame({"job": jobs}))
    return data.with_histories(replace(data.histories, fields={"job": np.array(jobs, dtype=object)}))


def test_scores_are_the_sum_over_all_pairs_of_columns() -> None:
    """Rendle's equation 1, term by term, but for the pairs within the person's side."""
    model = trained(with_fields(dataset([[0, 1], [2, 3]], 4)), epochs=3)
    asked = replace(histories([[0, 2, 1]]), fields={"job": np.array(["y"], dtype=object)})
    state, config = model.state(), model.config
    person = beside(
        model._fields.person_side(asked),
        recent(asked, 4, config.length, config.half_life),  # type: ignore[attr-defined]
    ).toarray()[0]
    for item in range(4):
        x = np.concatenate([person, model._bags[item].toarray()[0]])
        v = np.concatenate([state["person"], state["item"]])
        pairs = [
            (j, k) for j, k in itertools.combinations(range(len(x)), 2) if k >= len(person)
        ]  # fmt: skip
        wanted = state["weight"][:, 0] @ x[len(person) :] + sum(v[j] @ v[k] * x[j] * x[k] for j, k in pairs)
        assert model.score(asked)[0, item] == pytest.approx(float(wanted), abs=1e-5)


def test_attributes_speak_for_people_without_a_history() -> None:
    people = [[0], [1]] * 20  # whoever is an x takes 0, whoever is a y takes 1
    model = trained(with_fields(dataset(people, 4)))
    asked = replace(histories([[], []]), fields={"job": np.array(["x", "y"], dtype=object)})
    assert model.score(asked).argmax(axis=1).tolist() == [0, 1]
    blind = trained(with_fields(dataset(people, 4)), use_fields=False).score(asked)
    assert np.array_equal(blind[0], blind[1])


def test_the_context_of_the_moment_decides_as_that_of_the_interactions_did() -> None:
    data = dataset([[0], [1]] * 20, 3)
    devices = np.array(["tv", "phone"] * 20, dtype=object)
    model = trained(data.with_histories(replace(data.histories, contexts={"device": devices})))
    asked = replace(histories([[], []]), fields={"context.device": np.array(["phone", "tv"], dtype=object)})
    assert model.score(asked).argmax(axis=1).tolist() == [1, 0]


def test_nobody_elses_random_numbers_are_touched() -> None:
    before = torch.get_rng_state()
    trained(dataset([[0, 1]], 2), epochs=1)
    assert torch.equal(torch.get_rng_state(), before)
