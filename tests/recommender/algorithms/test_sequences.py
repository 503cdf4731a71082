"""What recommenders of sequences share: windows, targets and losses against plain formulas, dropout's share."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from recommender.algorithms.sequences import Dropout, WholeSoftmax, following, sampled_losses, windows
from tests.recommender.builders import histories


def test_windows_by_hand() -> None:
    read = windows(histories([[4, 5, 6], [], [7]]), 9, 3)
    assert read.ids.tolist() == [[4, 5, 6], [9, 9, 9], [9, 7, 9]]
    assert read.lengths.tolist() == [3, 1, 2]
    assert read.at.tolist() == [[0, 1, 2], [-1, -1, -1], [-1, 3, -1]]


def test_the_chunked_softmax_is_the_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommender.algorithms.sequences.CHUNK", 4)
    generator = torch.Generator().manual_seed(0)
    hidden, items = (torch.randn(size, 5, generator=generator, requires_grad=True) for size in (11, 7))
    targets = torch.randint(7, (11, 2), generator=generator)
    shares = torch.tensor([[0.75, 0.25]]).expand(11, 2)
    ours = WholeSoftmax.apply(hidden, items, targets, shares, torch.float32)
    ours.backward()
    found = hidden.grad.clone(), items.grad.clone()
    hidden.grad = items.grad = None
    logits = hidden @ items.T
    plain = 0.75 * F.cross_entropy(logits, targets[:, 0]) + 0.25 * F.cross_entropy(logits, targets[:, 1])
    plain.backward()
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(found[0], hidden.grad)
    torch.testing.assert_close(found[1], items.grad)


@pytest.mark.parametrize(("loss", "calibration", "beta"), [("bce", 0.75, 1.0), ("gbce", 0.0, 1.0), ("gbce", 1.0, 0.5)])
def test_sampled_losses_by_hand(loss: str, calibration: float, beta: float) -> None:
    # three items, so two others; one is drawn: α = 1/2 and β(t) = 1/2 (t (1 − 2) + 2) = 1 − t/2
    hidden, items = torch.tensor([[1.0]]), torch.tensor([[0.0], [math.log(3)], [math.log(3)]])
    torch.manual_seed(0)
    while True:  # until an item other than the target is drawn
        state = torch.random.get_rng_state()
        if int(torch.randint(3, (1,))) != 0:
            break
    torch.random.set_rng_state(state)
    value = sampled_losses(loss, hidden, items, torch.tensor([0]), negatives=1, calibration=calibration).mean()
    # σ(s⁺) = σ(0) = 1/2 and 1 − σ(s⁻) = 1/(1 + 3)
    assert float(value) == pytest.approx(beta * math.log(2) + math.log(4), rel=1e-5)


def test_a_drawn_target_does_not_count_against_itself() -> None:
    hidden, items = torch.ones(1, 1), torch.zeros(1, 1)
    value = sampled_losses("sampled_softmax", hidden, items, torch.tensor([0]), negatives=64, calibration=0.0).mean()
    assert float(value) == pytest.approx(0.0, abs=1e-6)


def test_what_follows_by_hand() -> None:
    ids = np.array([[9, 4, 5, 6], [9, 7, 9, 9]])
    items, weights = following(ids, np.array([3, 1]), 2, 9)
    # the start token predicts 4 and, half as much, 5; the last position has nothing but its own next item
    assert items.tolist() == [[4, 5], [5, 6], [6, 0], [7, 0]]
    np.testing.assert_allclose(weights, [[2 / 3, 1 / 3], [2 / 3, 1 / 3], [1, 0], [1, 0]], rtol=1e-6)


def test_only_the_next_item_is_the_plain_target() -> None:
    items, weights = following(np.array([[9, 4, 5, 6]]), np.array([3]), 1, 9)
    assert items.tolist() == [[4], [5], [6]]
    assert weights.tolist() == [[1], [1], [1]]


def test_dropout_hides_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop = Dropout(0.25)
    drop.draw()
    dropped = drop(torch.ones(1000, 100))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)


def test_no_dropout_changes_nothing() -> None:
    x = torch.ones(3, 4)
    assert Dropout(0.0)(x) is x
