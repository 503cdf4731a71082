"""What prototypes read of items."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from recommender.algorithms.prototype_items import Features
from recommender.data.text import SIZE
from tests.recommender.builders import blocks


def test_an_item_that_nobody_met_is_told_by_its_text_as_later_ones_are() -> None:
    data = blocks(60, 24, 8)
    train = data.with_histories(data.histories.keep(data.histories.items != 0))
    features = Features(train, 8, 0, text=True)
    found, through = features.both, cast(Tensor, features.through)
    torch.testing.assert_close(found[0], found[0, :SIZE] @ through)
    assert found[0, SIZE:].any()
    assert not torch.allclose(found[1], found[1, :SIZE] @ through)
