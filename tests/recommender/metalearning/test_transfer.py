"""Which weights come from another catalog's network, and where."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from recommender.metalearning.transfer import begin


def layers(columns: int) -> nn.Module:
    made = nn.ModuleDict({"read": nn.Linear(columns, 1), "after": nn.Linear(1, 1), "who": nn.Linear(2, 1, bias=False)})
    made["gate"] = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        for number, weight in enumerate(made.parameters()):
            weight.copy_(torch.arange(weight.numel()).reshape(weight.shape) + 10.0 * number + columns)
    return made


def test_the_columns_of_texts_are_taken_and_the_others_begin_at_nothing() -> None:
    net, given = layers(4), layers(3)
    begin(net, given.state_dict(), reading={"read.weight": 2}, own=("who.",), left=("gate.",))
    assert net["read"].weight.tolist() == [[0, 0, 4, 5]]
    assert net["read"].bias.tolist() == given["read"].bias.tolist()
    assert net["after"].weight.tolist() == given["after"].weight.tolist()
    assert net["who"].weight.tolist() == [[0, 0]]
    assert net["gate"].weight.tolist() == layers(4)["gate"].weight.tolist()


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="read"):
        begin(layers(4), layers(3).state_dict(), reading={})
