"""SASRec: every loss learns, causality, early stopping, and the gradients that explanations need."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recommender.algorithms.base import Differentiable, mask_seen
from recommender.algorithms.sasrec import Net, SASRec, SASRecConfig
from recommender.algorithms.sequence_items import Items
from recommender.data.splits import leave_last_out
from recommender.exceptions import BadConfig
from tests.recommender.builders import blocks, histories

SMALL = SASRecConfig(factors=16, length=6, epochs=3, batch=16)


def fitted(config: SASRecConfig = SMALL) -> SASRec:
    return SASRec(config).fit(blocks(), rng=np.random.default_rng(0), report=lambda *_: None)


@pytest.mark.parametrize("loss", ["softmax", "sampled_softmax", "bce", "gbce"])
def test_every_loss_learns(loss: str) -> None:
    config = SASRecConfig(
        factors=16, length=8, heads=1, epochs=60, loss=loss, negatives=8, learning_rate=0.004, dropout=0.0,
        hidden_items=0.0, ahead=1, weight_decay=0.01,
    )  # fmt: skip
    model = SASRec(config).fit(blocks(n_people=200), rng=np.random.default_rng(0), report=lambda *_: None)
    asked = histories([[1, 2, 3], [15, 16, 17]])
    assert mask_seen(model.score(asked), asked).argmax(axis=1).tolist() == [4, 18]  # everyone walks on by one


def test_the_future_and_padding_change_nothing() -> None:
    net = Net(Items(9, 16, "id", None), SMALL).eval()
    ids, lengths = torch.tensor([[9, 1, 2, 3], [9, 4, 9, 9]]), torch.tensor([4, 2])
    changed = torch.tensor([[9, 1, 2, 8], [9, 4, 7, 6]])
    with torch.no_grad():
        before, after = (net(net.tokens(each), lengths, only_last=False) for each in (ids, changed))
        last = net(net.tokens(ids), lengths, only_last=True)
    torch.testing.assert_close(before[0, :3], after[0, :3])
    torch.testing.assert_close(before[1, :2], after[1, :2])
    torch.testing.assert_close(last, torch.stack([before[0, 3], before[1, 1]]))


def test_training_and_scoring_read_alike() -> None:
    net = Net(Items(9, 16, "id", None), SMALL.replace(dropout=0.0))
    ids, lengths = torch.tensor([[9, 1, 2, 3]]), torch.tensor([4])
    torch.testing.assert_close(
        net.train()(net.tokens(ids), lengths, only_last=False), net.eval()(net.tokens(ids), lengths, only_last=False)
    )


def test_embedded_histories_score_alike_and_have_gradients() -> None:
    model = fitted()
    assert isinstance(model, Differentiable)
    asked = histories([[1, 2, 3], [], [13], list(range(12))])
    items = np.array([[4, 5], [0, 1], [14, 2], [12, 13]])
    embedded = model.embed(asked)
    scores = model.score_embedded(embedded, asked, items)
    expected = np.take_along_axis(model.score(asked), items, axis=1)
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    scores[:, 0].sum().backward()
    gradients = embedded["tokens"].grad.abs().sum(dim=2).numpy()
    real = np.arange(gradients.shape[1]) < np.minimum(asked.lengths + 1, 6)[:, None]
    assert (gradients[~real] == 0).all()
    assert (gradients[real] > 0).all()
    places = embedded["places"].numpy()
    assert (asked.items[places[3]] == np.arange(6, 12)).all()  # the newest six
    assert all(parameter.grad is None for parameter in model._net.parameters())


def test_gradients_sum_to_the_difference_along_a_path() -> None:
    model = fitted()
    asked, item = histories([[1, 2, 3]]), np.array([[4]])
    full = model.embed(asked)["tokens"].detach()
    total, steps = torch.zeros_like(full), 256
    for step in range(steps):
        point = (full * ((step + 0.5) / steps)).requires_grad_()
        (gradient,) = torch.autograd.grad(model.score_embedded({"tokens": point}, asked, item).sum(), point)
        total += gradient / steps
    ends = [model.score_embedded({"tokens": tokens}, asked, item).item() for tokens in (full, torch.zeros_like(full))]
    assert float((total * full).sum()) == pytest.approx(ends[0] - ends[1], rel=0.02, abs=1e-3)


def test_the_best_epoch_is_kept_and_chosen_for_the_refit() -> None:
    split = leave_last_out(blocks())
    seen: list[float] = []
    config = SASRecConfig(factors=16, length=8, epochs=12, patience=3, learning_rate=0.02)
    model = SASRec(config).fit(
        split.train,
        validation=split.validation,
        rng=np.random.default_rng(0),
        report=lambda progress, metrics, state: seen.append(metrics["ndcg@10"]),
    )
    best = int(np.argmax(seen)) + 1
    assert len(seen) == min(12, best + 3)
    assert model.refit_config() == config.replace(stop_after=best)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(BadConfig, match="heads"):
        SASRecConfig(factors=10, heads=4)


def test_other_random_numbers_of_torch_are_left_alone() -> None:
    before = torch.random.get_rng_state()
    fitted()
    assert torch.equal(before, torch.random.get_rng_state())
