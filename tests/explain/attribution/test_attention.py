from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)

from explain.attribution import registry
from explain.attribution.attention import heatmap
from explain.attribution.base import WEIGHTS
from explain.attribution.game import Game, Target
from recommender.algorithms.base import Attentive
from recommender.algorithms.sasrec import Block, SASRec
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks, histories


@pytest.fixture(scope="module")
def model() -> SASRec:
    made = fitted("sasrec", blocks(), settings={"epochs": 6, "learning_rate": 0.01, "length": 8})
    assert isinstance(made, SASRec)
    return made


def test_weights_mix_into_what_each_block_really_reads(model: SASRec):
    """Σ a_j v_j, through the block's own output, is what the block adds to its last place."""
    pair = histories([[0, 1, 2, 3], [5]])
    weights, places = model.attention(pair)
    assert weights.shape == (2, 2, 4, 5)
    np.testing.assert_allclose(weights.sum(axis=3), 1, atol=1e-5)
    assert (weights[1, :, :, 2:] == 0).all()  # padding
    assert places.tolist() == [[-1, 0, 1, 2, 3], [-1, 4, -1, -1, -1]]
    net, lengths = model._fitted(), torch.tensor([5, 2])
    x = net._placed(model.embed(pair)["tokens"].detach(), lengths)
    for at, each in enumerate(net.blocks):
        block = cast(Block, each)
        values = block.qkv(block.norm_attention(x)).view(2, 5, 3, 4, 4)[:, :, 2]  # people, w, heads, d / heads
        mixed = torch.einsum("nhw,nwhd->nhd", torch.from_numpy(weights[:, at]), values).reshape(2, 1, 16)
        last = x[torch.arange(2), lengths - 1][:, None] + block.out(mixed)
        expected = last + block.narrow(F.gelu(block.wide(block.norm_forward(last))))
        torch.testing.assert_close(block(x, lengths - 1), expected, atol=1e-5, rtol=1e-4)
        x = block(x)


def test_attention_is_told_as_no_explanation_and_sums_to_one(model: SASRec):
    asked = Game(model, histories([[0, 1, 2, 1]]), Target(7))
    found = registry.get("attention").explain(asked)
    assert [unit.key for unit in found.units] == [0, 2, 1]
    assert found.values.sum() == pytest.approx(1)
    assert (found.values > 0).all()
    assert found.additive is False
    assert registry.get("attention").kind == WEIGHTS
    assert "not an explanation" in registry.get("attention").title


def test_the_heatmap_has_a_row_per_head_and_sums_over_what_was_met_twice(model: SASRec):
    asked = Game(model, histories([[0, 1, 2, 1]]), Target(7))
    drawn, (weights, _) = heatmap(asked), model.attention(asked.histories)
    assert drawn.shape == (2, 4, 3)
    np.testing.assert_allclose(drawn[..., 2], weights[0, :, :, 2] + weights[0, :, :, 4], atol=1e-6)
    np.testing.assert_allclose(drawn.sum(axis=2), 1 - weights[0, :, :, 0], atol=1e-6)


def test_attention_is_refused_where_there_is_none(model: SASRec):
    gru = fitted("gru", blocks(), settings={"epochs": 1})
    assert not isinstance(gru, Attentive)
    assert "no attention" in registry.get("attention").refuses(Game(gru, histories([[0]]), Target(7)))
    assert "no history" in registry.get("attention").refuses(Game(model, histories([[]]), Target(7)))


def test_probabilities_are_told_where_losses_make_them():
    kinds = {"softmax": "softmax", "sampled_softmax": "softmax", "bce": "sigmoid", "gbce": "sigmoid"}
    assert {loss: SASRec(SASRec.config_class.from_mapping({"loss": loss})).link for loss in kinds} == kinds  # type: ignore[arg-type]
