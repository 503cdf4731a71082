"""The recurrent network: one step of its cell by hand, and what it reads from left to right."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from recommender.algorithms.base import Differentiable
from recommender.algorithms.gru import GRU, GRUConfig, Net
from recommender.algorithms.sequence_items import Items
from tests.recommender.builders import blocks, histories


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_cell_by_hand() -> None:
    # one number wide (torch's rows: reset, update, new), every weight 1, no bias, and the output map is the identity
    config = GRUConfig(factors=4, width=1, length=4, dropout=0.0)
    net = Net(Items(3, 4, "id", None), config).eval()
    with torch.no_grad():
        for parameter in net.gru.parameters():
            parameter.fill_(1.0 if parameter.dim() == 2 else 0.0)
        net.out.weight.fill_(1.0)
        net.out.bias.zero_()
        tokens = torch.tensor([[[0.5, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]])
        found = net(tokens, torch.tensor([2]), only_last=True)
    h = 0.0
    for x in (0.5, 1.0):
        r = z = sigmoid(x + h)
        h = (1 - z) * math.tanh(x + r * h) + z * h
    # h₁ = (1 − σ(.5)) tanh .5 = .17447; h₂ = (1 − .76395) tanh(1 + .76395 · .17447) + .76395 · .17447 = .32499
    assert h == pytest.approx(0.32499, abs=1e-5)
    assert found.tolist()[0] == pytest.approx([h] * 4, abs=1e-5)


def test_the_future_and_padding_change_nothing() -> None:
    net = Net(Items(9, 16, "id", None), GRUConfig(factors=16, width=16, length=6)).eval()
    ids, lengths = torch.tensor([[9, 1, 2, 3], [9, 4, 9, 9]]), torch.tensor([4, 2])
    changed = torch.tensor([[9, 1, 2, 8], [9, 4, 7, 6]])
    with torch.no_grad():
        before, after = (net(net.tokens(each), lengths, only_last=False) for each in (ids, changed))
        last = net(net.tokens(ids), lengths, only_last=True)
    torch.testing.assert_close(before[0, :3], after[0, :3])
    torch.testing.assert_close(before[1, :2], after[1, :2])
    torch.testing.assert_close(last, torch.stack([before[0, 3], before[1, 1]]))


def test_it_can_be_differentiated_by_what_it_reads() -> None:
    config = GRUConfig(factors=16, width=16, length=6, epochs=1, batch=16)
    model = GRU(config).fit(blocks(), rng=np.random.default_rng(0), report=lambda *_: None)
    assert isinstance(model, Differentiable)
    asked, items = histories([[1, 2, 3], []]), np.array([[4], [5]])
    embedded = model.embed(asked)
    scores = model.score_embedded(embedded, asked, items)
    np.testing.assert_allclose(
        scores.detach().numpy(), np.take_along_axis(model.score(asked), items, axis=1), rtol=1e-4, atol=1e-5
    )
    scores.sum().backward()
    assert (embedded["tokens"].grad[0].abs().sum(dim=1) > 0).all()
