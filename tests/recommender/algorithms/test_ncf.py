"""Neural collaborative filtering: the forward pass by hand, both losses, fields, context and text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from recommender.algorithms import registry
from recommender.algorithms.ncf import NCF, NCFConfig, Net
from recommender.data.dataset import Dataset
from recommender.data.splits import leave_last_out
from recommender.exceptions import NotTrainable
from tests.recommender.algorithms.test_user_knn import rating
from tests.recommender.builders import dataset, histories


def trained(data: Dataset, **config: Any) -> NCF:
    settings = {"factors": 8, "hidden": 8, "epochs": 40, "batch": 16, "learning_rate": 0.02, "dropout": 0.0} | config
    return NCF(NCFConfig(**settings)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)


def test_the_forward_pass_by_hand() -> None:
    """One number in each branch: p q = 2 · 3; the feed-forward branch ReLU(1 + 2 · 2 − 1 · 1) = 4, then
    ReLU(½ · 4 − 1) = 1; heads 1 · 6 + 2 · 1 + 0 = 8 and −1 · 6 + 1 · 1 + 3 = −2, the item's biases 1 and −1 on top."""
    net = Net(1, 1, 0, NCFConfig(factors=2, hidden=2, dropout=0.0)).eval()
    with torch.no_grad():
        net.second.weight.copy_(torch.tensor([[0.5, 0.0]]))
        net.second.bias.fill_(-1.0)
        net.heads.weight.copy_(torch.tensor([[1.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]))
        net.heads.bias.copy_(torch.tensor([0.0, 3.0]))
    person = torch.tensor([[2.0, 5.0]]), torch.tensor([[1 + 2 * 2.0, 0.0]])
    item = torch.tensor([[3.0, 7.0]]), torch.tensor([[-1.0, 0.0]]), torch.tensor([[1.0, -1.0]])
    assert net(person, item).tolist() == [[9.0, -3.0]]


def test_scoring_all_items_equals_the_network_item_by_item() -> None:
    model = trained(dataset([[0, 1, 2], [2, 3]], 4), epochs=2)
    asked = histories([[1, 2], []])
    net = model._fitted()
    people, items = net.people(model._asked(asked)), model._items(np.arange(4))
    for row in range(2):
        heads = net((people[0][row], people[1][row]), items)
        assert model.score(asked)[row].tolist() == pytest.approx(heads[:, 0].tolist(), abs=1e-5)


def test_ratings_are_learned_beside_clicks_or_alone() -> None:
    people: list[dict[int, float]] = [{0: 5, 1: 1}, {0: 5, 1: 1, 2: 3}] * 10
    data = dataset([[] for _ in people], 3).with_histories(rating(people))
    rows, items = np.array([0, 1]), np.array([0, 1])
    for config in ({"rating_weight": 1.0}, {"loss": "rating"}):
        found = trained(data, **config).predict(histories([[], [0]]), rows, items)
        assert found.tolist() == pytest.approx([5, 1], abs=0.6)
    alone = trained(data, loss="rating").score(histories([[0]]))[0]
    assert alone[1] < 3


def test_without_ratings_clicks_are_learned_and_nothing_is_predicted() -> None:
    data = dataset([[0, 1], [1, 0]], 2)
    clicks = data.with_histories(replace(data.histories, kind_names=("click",)))
    model = trained(clicks, epochs=1)
    with pytest.raises(NotTrainable, match="no ratings"):
        model.predict(clicks.histories, np.array([0]), np.array([0]))
    with pytest.raises(NotTrainable, match="no ratings"):
        trained(clicks, loss="rating")
    with pytest.raises(NotTrainable, match="no ratings"):
        trained(data, loss="click", epochs=1).predict(data.histories, np.array([0]), np.array([0]))


def test_attributes_context_and_text_are_read() -> None:
    devices = np.array(["tv", "phone"] * 20, dtype=object)
    data = dataset([[0], [1]] * 20, 4)
    data = replace(
        data.with_histories(replace(data.histories, contexts={"device": devices})),
        item_fields=pd.DataFrame({"categories": [["a"], ["b"], ["a"], ["b"]]}),
        item_vectors=np.eye(4, 6, dtype=np.float32)[[0, 1, 0, 1]],
    )
    model = trained(data, use_text=True)
    asked = replace(histories([[], []]), fields={"context.device": np.array(["phone", "tv"], dtype=object)})
    assert model.score(asked).argmax(axis=1).tolist() == [1, 0]
    assert model.state()["texts"].shape == (4, 6)
    assert registry.needs_text("ncf", NCFConfig(use_text=True))
    assert not registry.needs_text("ncf", NCFConfig())


def test_with_loss_rating_validation_watches_the_error_of_ratings() -> None:
    people: list[dict[int, float]] = [{0: 5, 1: 1, 2: 5, 3: 1}, {1: 1, 0: 5, 3: 1, 2: 5}] * 10
    split = leave_last_out(dataset([[] for _ in people], 4).with_histories(rating(people)))
    seen: list[dict[str, float]] = []
    model = NCF(NCFConfig(factors=4, hidden=4, loss="rating", epochs=4, learning_rate=0.02)).fit(
        split.train, validation=split.validation, rng=np.random.default_rng(0),
        report=lambda progress, metrics, state: seen.append(dict(metrics)),
    )  # fmt: skip
    errors = [row["rmse"] for row in seen]
    assert model.refit_config().stop_after == 1 + int(np.argmin(errors))  # type: ignore[attr-defined]
